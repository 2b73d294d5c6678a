#include "model/member_net.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "base/file.h"
#include "model/load_network.h"
#include "retort/infer.h"

namespace retort {

namespace {

class NetworkMember final : public MemberNet {
 public:
  NetworkMember(const ImageShape& size, Network network) : size_(size), network_(std::move(network)) {}

  void run(const float* images, int64_t n, float* logits) override {
    const c10::InferenceMode inference;
    const at::Tensor input = wrap_images(images, n, size_.channels, size_.height, size_.width, network_.device());
    const at::Tensor out = network_.forward(input, /*training=*/false).to(at::kCPU, at::kFloat).contiguous();
    std::copy_n(out.const_data_ptr<float>(), out.numel(), logits);
  }
  std::string precision() const override { return precision_name(network_.precision()); }
  Network* network() override { return &network_; }
  Cost cost() const { return retort::cost(network_.graph(), {size_.channels, size_.height, size_.width}); }

 private:
  ImageShape size_;
  Network network_;
};

class SessionMember final : public MemberNet {
 public:
  SessionMember(const fs::path& file, const SessionOptions& options) : session_(file, options) {}
  void run(const float* images, int64_t n, float* logits) override { session_.run(images, n, logits); }
  std::string precision() const override { return session_.precision(); }
  const Session& session() const { return session_; }

 private:
  Session session_;
};

LoadedMember load_run(const Model::Member& named, const fs::path& run, const ModelOptions& options) {
  LoadedMember out{.member = named};
  out.member.config = read_config(run);
  ImageShape& size = out.member.config.preprocess.size;
  if (options.img_size > 0) size.height = size.width = options.img_size;
  auto network = std::make_unique<NetworkMember>(size, load_network(run, out.member.config, options));
  out.member.cost = network->cost();
  out.size_on_disk = file_bytes(weights_path(run)) + file_bytes(run / "config.json");
  out.net = std::move(network);
  return out;
}

// On the threads that LibTorch would use here.
LoadedMember load_session(const Model::Member& named, const fs::path& file, const ModelOptions& options) {
  auto net = std::make_unique<SessionMember>(
      file,
      SessionOptions{.threads = at::get_num_threads(), .precision = options.precision, .img_size = options.img_size});
  const Session& session = net->session();
  LoadedMember out{.member = named};
  out.member.config = session.config();
  out.member.cost.parameters = session.parameters();
  out.size_on_disk = session.size_on_disk();
  out.net = std::move(net);
  return out;
}

}  // namespace

LoadedMember load_member(const std::string& path, const ModelFiles::Network& files, bool is_ensemble,
                         const ModelOptions& options, const Monitor& monitor) {
  const fs::path found = resolve_model(files.ref, monitor);
  const bool is_file = is_session_file(found);
  if (!is_file) check_run(path, found);
  const Model::Member named{files.ref, is_ensemble ? member_hash(found) : files.hash, {}};
  return is_file ? load_session(named, found, options) : load_run(named, found, options);
}

}  // namespace retort
