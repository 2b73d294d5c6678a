#include "retort/model.h"

#include <algorithm>
#include <numeric>

#include "model/member_net.h"
#include "model/model_files.h"

namespace retort {

struct Model::State {
  std::string path;  ///< as it was given
  bool is_ensemble = false;
  std::vector<Member> members;
  std::vector<std::unique_ptr<MemberNet>> nets;  ///< one a member
  std::vector<Input> inputs;
  std::unique_ptr<Combiner> combiner;
  Cost cost;
  int64_t size_on_disk = 0;
  std::vector<float> some;  ///< images of some positions

  void add_member(const ModelFiles::Network& files, const ModelOptions& options, const Monitor& monitor);
  void add_input(const Preprocess& preprocess);
  void run(int64_t member, const float* images, int64_t n, std::span<const int64_t> positions, float* out);
  size_t input_of(int64_t member) const;
};

namespace {

// What a model takes and gives: this must agree between members, and with data.
struct Interface {
  int64_t channels, classes;
  const std::vector<std::string>& label_names;
};

Interface interface_of(const ModelConfig& c) { return {c.preprocess.size.channels, c.num_classes, c.label_names}; }

bool convertible(int64_t from, int64_t to) { return from == to || (from == 1 && to == 3) || (from == 3 && to == 1); }

// `a` is at `where`, `b` belongs to `other`. Labels that nobody named agree with all.
void check_same(const std::string& where, const Interface& a, const std::string& other, const Interface& b) {
  const auto differ = [&](std::string_view what, const auto& mine, const auto& theirs) {
    fail(where, what, " is ", mine, "; ", other, " has ", theirs, "; use models and data that belong together");
  };
  if (!convertible(b.channels, a.channels)) differ("the number of input channels", a.channels, b.channels);
  if (a.classes != b.classes) differ("the number of classes", a.classes, b.classes);
  if (a.label_names.empty() || b.label_names.empty()) return;
  const auto [x, y] = std::mismatch(a.label_names.begin(), a.label_names.end(), b.label_names.begin());
  if (x == a.label_names.end()) return;
  differ(str("label ", x - a.label_names.begin()), "'" + *x + "'", "'" + *y + "'");
}

}  // namespace

void Model::State::add_member(const ModelFiles::Network& files, const ModelOptions& options, const Monitor& monitor) {
  LoadedMember loaded = load_member(path, files, is_ensemble, options, monitor);
  const Member& member = loaded.member;
  if (member.hash != files.hash) {
    fail(path, "the weights of member ", member.path, " are not those it was fitted with (SHA-256 ",
         member.hash.substr(0, 12), ", expected ", files.hash.substr(0, 12), "); fit the ensemble again");
  }
  cost.parameters += member.cost.parameters;
  cost.macs += member.cost.macs;
  size_on_disk += loaded.size_on_disk;
  add_input(member.config.preprocess);
  nets.push_back(std::move(loaded.net));
  members.push_back(std::move(loaded.member));
  check_same(members.back().path, interface_of(members.back().config), members[0].path,
             interface_of(members[0].config));
}

// Of the member that comes next.
void Model::State::add_input(const Preprocess& preprocess) {
  auto input = std::find_if(inputs.begin(), inputs.end(), [&](const Input& i) { return i.preprocess == preprocess; });
  if (input == inputs.end()) input = inputs.insert(inputs.end(), {preprocess, {}});
  input->members.push_back(std::ssize(members));
}

Model::Model(const std::string& path, const ModelOptions& options, const Monitor& monitor)
    : state_(std::make_unique<State>()) {
  state_->path = path;
  ModelFiles files = read_model_files(path, monitor);
  state_->is_ensemble = files.is_ensemble;
  state_->combiner = std::move(files.combiner);
  state_->size_on_disk = files.bytes;
  for (const ModelFiles::Network& network : files.networks) state_->add_member(network, options, monitor);
}

Model::~Model() = default;
Model::Model(Model&&) noexcept = default;

const std::string& Model::path() const { return state_->path; }
std::string Model::name() const { return model_name(state_->path); }
bool Model::is_ensemble() const { return state_->is_ensemble; }
bool Model::is_cascade() const { return state_->combiner->is_lazy(); }
int64_t Model::members() const { return static_cast<int64_t>(state_->members.size()); }
int64_t Model::classes() const { return state_->members.front().config.num_classes; }
const Model::Member& Model::member(int64_t m) const { return state_->members.at(static_cast<size_t>(m)); }
Network& Model::network(int64_t m) {
  if (Network* network = state_->nets.at(static_cast<size_t>(m))->network()) return *network;
  fail(member(m).path, "is a file, whose inner features cannot be looked at; give the run that it was made from");
}
const Combiner& Model::combiner() const { return *state_->combiner; }
Cost Model::cost() const { return state_->cost; }
int64_t Model::size_on_disk() const { return state_->size_on_disk; }

std::string Model::precision() const {
  const std::string first = state_->nets.front()->precision();
  const bool same = std::ranges::all_of(state_->nets, [&](const auto& net) { return net->precision() == first; });
  return same ? first : "mixed";
}

int Model::streams() const {
  int least = state_->nets.front()->streams();
  for (const auto& net : state_->nets) least = std::min(least, net->streams());
  return least;
}

const std::vector<Model::Input>& Model::inputs() const { return state_->inputs; }

size_t Model::State::input_of(int64_t member) const {
  const auto sees = [&](const Input& i) {
    return std::find(i.members.begin(), i.members.end(), member) != i.members.end();
  };
  return static_cast<size_t>(std::find_if(inputs.begin(), inputs.end(), sees) - inputs.begin());
}

// One member's logits for the images at these positions, which ascend, of n.
void Model::State::run(int64_t member, const float* images, int64_t n, std::span<const int64_t> positions, float* out) {
  const ImageShape& size = members[static_cast<size_t>(member)].config.preprocess.size;
  if (std::ssize(positions) < n) {
    some.clear();
    for (const int64_t i : positions)
      some.insert(some.end(), images + i * size.numel(), images + (i + 1) * size.numel());
    images = some.data();
  }
  nets[static_cast<size_t>(member)]->run(images, std::ssize(positions), out);
}

LazyMembers Model::lazily(std::span<const float* const> images, int64_t n) {
  if (n < 1) fail(path(), "asked for the logits of ", n, " images; expected at least 1");
  if (images.size() != inputs().size()) {
    fail(path(), "given ", images.size(), " sets of images; its members need ", inputs().size());
  }
  return {members(), n, classes(),
          [this, images, n](int64_t first, int64_t last, std::span<const int64_t> positions, float* out) {
            for (int64_t m = first; m < last; ++m, out += std::ssize(positions) * classes()) {
              state_->run(m, images[state_->input_of(m)], n, positions, out);
            }
          }};
}

void Model::member_logits(std::span<const float* const> images, int64_t n, float* out) {
  const LazyMembers lazy = lazily(images, n);
  std::vector<int64_t> all(static_cast<size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  lazy.run(0, members(), all, out);
}

void Model::logits(std::span<const float* const> images, int64_t n, float* out) {
  combiner().combine_lazily(lazily(images, n), out);
}

void Model::check_fits(const DataSet& data) const {
  check_same(path(), interface_of(member(0).config), data.spec,
             {data.shape.channels, data.classes(), data.label_names});
}

}  // namespace retort
