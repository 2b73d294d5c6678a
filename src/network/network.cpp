#include "retort/network.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/machine.h"
#include "network/fake_quantise.h"
#include "network/init.h"
#include "network/plan.h"
#include "network/step_clock.h"

namespace retort {

namespace {

constexpr const char* kWhere = "network";

// LibTorch's messages carry a stack trace; the first line is what a user can read.
std::string first_line(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

at::Device parse_device(const std::string& text) {
  try {
    const at::Device device(text);
    if (device.is_cpu() || (device.is_cuda() && at::hasCUDA())) return device;
  } catch (const c10::Error&) {
  }
  fail_usage(kWhere, "--device is '", text, "'; this LibTorch ",
             at::hasCUDA() ? "has cpu and cuda" : "has cpu only; for cuda build with a CUDA LibTorch");
}

bool has_depthwise(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.groups > 1; });
}

Precision resolve(Precision asked, const Graph& graph, const at::Device& device) {
  if (asked != Precision::automatic) return asked;
  if (device.is_cuda()) return Precision::bf16;
  return bf16_is_fast() && !has_depthwise(graph) ? Precision::bf16 : Precision::f32;
}

// Autocast to bfloat16 while in scope, with the cache of cast weights dropped at the end: they change every step.
class Autocast {
 public:
  Autocast(bool on, const at::Device& device) : on_(on), device_(device.type()) {
    if (!on_) return;
    was_on_ = at::autocast::is_autocast_enabled(device_);
    dtype_ = at::autocast::get_autocast_dtype(device_);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!on_) return;
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, was_on_);
    at::autocast::set_autocast_dtype(device_, dtype_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool on_, was_on_ = false;
  at::DeviceType device_;
  at::ScalarType dtype_ = at::kFloat;
};

at::Tensor make_parameter(const Parameter& p, const NetworkOptions& options, const at::Device& device) {
  const auto format = p.shape.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const at::TensorOptions kind = at::TensorOptions(p.integer ? at::kLong : at::kFloat).device(device);
  at::Tensor t = at::empty(p.shape, kind, format);
  if (options.fill) fill_tensor(p, options.seed, t);
  return p.buffer ? t : t.set_requires_grad(true);
}

void check_images(const Graph& graph, const at::Tensor& images) {
  if (images.dim() != 4 || images.size(0) < 1) {
    fail(kWhere, "images are ", images.sizes(), "; ", graph.architecture, " expects [N, ", graph.channels, ", H, W]");
  }
}

}  // namespace

Precision parse_precision(const std::string& text) {
  if (text == "auto") return Precision::automatic;
  if (text == "f32") return Precision::f32;
  if (text == "bf16") return Precision::bf16;
  fail_usage(kWhere, "--precision is '", text, "'; expected auto, f32 or bf16");
}

std::string precision_name(Precision precision) {
  return precision == Precision::automatic ? "auto" : precision == Precision::f32 ? "f32" : "bf16";
}

Network::Network(Graph graph, const NetworkOptions& options)
    : graph_(std::move(graph)),
      device_(parse_device(options.device)),
      precision_(resolve(options.precision, graph_, device_)),
      seed_(options.seed),
      filled_(options.fill),
      planned_(options.precision == Precision::automatic && precision_ == Precision::f32 && device_.is_cpu()),
      plans_(std::make_unique<PlanCache>()) {
  const c10::InferenceMode off(false);  // what is made inside of it could never be trained
  try {
    for (const Parameter& p : graph_.parameters) {
      by_index_.push_back(make_parameter(p, options, device_));
      (p.buffer ? buffers_ : parameters_).push_back({p.name, by_index_.back()});
    }
  } catch (const c10::Error& error) {
    fail(kWhere, first_line(error));
  }
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

at::Tensor Network::forward(const at::Tensor& images, bool training, Taps* taps) {
  if (!filled_) fail(kWhere, graph_.architecture, " holds no values yet; load its weights first");
  check_images(graph_, images);
  try {
    const Autocast autocast(precision_ == Precision::bf16, device_);
    return run_graph(images, training, taps).to(at::kFloat);
  } catch (const c10::Error& error) {
    fail(kWhere, graph_.architecture, " on images ", images.sizes(), ": ", first_line(error));
  }
}

at::Tensor Network::run_graph(const at::Tensor& images, bool training, Taps* taps) {
  std::multimap<int, at::Tensor*> tapped;
  std::set<int> tapped_nodes;
  if (taps) {
    for (auto& [name, tensor] : *taps) tapped_nodes.insert(tapped.emplace(graph_.tap(name), &tensor)->first);
  }
  if (quantiser_) {
    for (const int node : tapped_nodes) quantiser_->check_tap(graph_, node);
  }
  const bool plain =
      quantiser_ || !planned_ || images.scalar_type() != at::kFloat || by_index_.front().scalar_type() != at::kFloat;
  const Plan& plan = plans_->plan_for(graph_, images.sizes(), tapped_nodes, plain);
  std::optional<FakeQuantiser::Pass> rounding;
  if (quantiser_) rounding.emplace(*quantiser_, graph_, by_index_, training);
  std::vector<at::Tensor> values(graph_.nodes.size());
  values[0] = images;
  const auto give_to_taps = [&](int node) {
    for (auto [tap, end] = tapped.equal_range(node); tap != end; ++tap)
      *tap->second = values[static_cast<size_t>(node)];
  };
  give_to_taps(0);
  const auto run_step = [&](size_t s) {
    const Step& step = plan.steps[s];
    return rounding ? rounding->run(step.nodes.back(), values)
                    : step.candidate->run({graph_, step, values, by_index_, training, plan.in_place[s]});
  };
  StepClock* const clock = StepClock::current();
  if (clock) clock->begin(graph_, plan, images.sizes());
  for (size_t s = 0; s < plan.steps.size(); ++s) {
    const Step& step = plan.steps[s];
    values[static_cast<size_t>(step.nodes.back())] =
        clock ? clock->forward(s, [&] { return run_step(s); }) : run_step(s);
    give_to_taps(step.nodes.back());
    for (const int input : step.inputs) {
      if (plan.last_use[static_cast<size_t>(input)] == static_cast<int>(s)) values[static_cast<size_t>(input)].reset();
    }
  }
  return values.back();
}

void Network::quantise() {
  if (precision_ == Precision::bf16) fail_usage(kWhere, "INT8 is trained for in f32; got --precision bf16");
  quantiser_ = std::make_unique<FakeQuantiser>(graph_);
}

std::vector<NamedTensor> Network::ranges() const {
  return quantiser_ ? quantiser_->state() : std::vector<NamedTensor>();
}

at::Tensor wrap_images(const float* pixels, int64_t n, int64_t channels, int64_t height, int64_t width,
                       const at::Device& device) {
  // LibTorch has no read-only tensor.
  const at::Tensor images = at::from_blob(const_cast<float*>(pixels), {n, channels, height, width},
                                          {height * width * channels, 1, width * channels, channels}, at::kFloat);
  return device.is_cpu() ? images : images.to(device);
}

void set_threads(int threads) {
  if (threads < 1) fail_usage(kWhere, "threads is ", threads, "; expected at least 1");
  if (at::get_num_threads() != threads) at::set_num_threads(threads);
}

}  // namespace retort
