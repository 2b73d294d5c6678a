#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <mutex>

#include "base/hash.h"
#include "base/machine.h"
#include "infer/classifier.h"
#include "retort/infer.h"

namespace retort {

namespace {

constexpr const char* kAdvice = "the images could not be run";
constexpr const char* kInt8 = "int8";

ov::element::Type parse_precision(const std::string& where, const std::string& text) {
  if (text == "f32") return ov::element::f32;
  if (text == "bf16") return ov::element::bf16;
  if (text == "f16") return ov::element::f16;
  if (text == "auto") return bf16_is_fast() ? ov::element::bf16 : ov::element::f32;
  fail_usage(where, "precision is '", text, "'; expected f32, bf16, f16 or auto");
}

int check_options(const std::string& where, const SessionOptions& o) {
  if (o.threads < 0) fail_usage(where, "threads is ", o.threads, "; expected 0 (all cores) or more");
  const int threads = resolve_threads(o.threads);
  if (o.streams < 1 || o.streams > threads) {
    fail_usage(where, o.streams, " streams on ", threads, " threads; expected 1 to as many streams as threads");
  }
  if (o.batch < 0) fail_usage(where, "batch is ", o.batch, "; expected 0 (any) or more");
  if (o.img_size < 0) fail_usage(where, "img_size is ", o.img_size, "; expected 0 (its own) or more");
  return threads;
}

bool is_int8(const SessionLayer& layer) { return layer.precision == kInt8; }

// The plugin tells of each compiled node by strings.
std::vector<SessionLayer> compiled_layers(const ov::CompiledModel& compiled) {
  std::vector<SessionLayer> layers;
  for (const auto& node : compiled.get_runtime_model()->get_ordered_ops()) {
    const auto info = [&](const char* key) {
      const auto it = node->get_rt_info().find(key);
      return it == node->get_rt_info().end() ? "" : it->second.as<std::string>();
    };
    const std::string type = info("layerType"), precision = info("runtimePrecision");
    if (type != "Convolution" && type != "FullyConnected" && type != "MatMul") continue;
    const std::string names = info("originalLayersNames");
    layers.push_back({names.empty() ? node->get_friendly_name() : names,
                      precision == "u8" || precision == "i8" ? kInt8 : precision});
  }
  return layers;
}

fs::path weights_beside(const fs::path& xml) { return fs::path(xml).replace_extension(".bin"); }

}  // namespace

std::string session_file_hash(const std::filesystem::path& file) {
  if (file.extension() == ".onnx") return sha256_file(file);
  return Sha256().add(MappedFile(file).bytes()).add(MappedFile(weights_beside(file)).bytes()).hex();
}

struct Session::State {
  std::string where;
  Classifier classifier;  ///< without its model, once that is compiled
  std::string precision;
  int64_t batch = 0, size_on_disk = 0;
  ov::CompiledModel compiled;
  std::vector<ov::InferRequest> requests;

  std::mutex mutex;
  std::condition_variable freed;
  std::vector<size_t> idle;  ///< requests that nobody uses

  void compile(const SessionOptions& options, int threads);
  /// A request that is the caller's until release().
  size_t acquire() {
    std::unique_lock lock(mutex);
    freed.wait(lock, [&] { return !idle.empty(); });
    const size_t index = idle.back();
    idle.pop_back();
    return index;
  }
  void release(size_t index) {
    {
      const std::lock_guard lock(mutex);
      idle.push_back(index);
    }
    freed.notify_all();
  }
  /// Calls `work` on a request; what it throws, in one line, frees the request.
  template <class Work>
  void release_on_error(size_t index, const Work& work) {
    try {
      with_openvino(where, kAdvice, work);
    } catch (...) {
      release(index);
      throw;
    }
  }
  size_t prepare(const float* images, int64_t n, float* logits);
  void finish(float* logits, int64_t n) const;
};

void Session::State::compile(const SessionOptions& options, int threads) {
  ov::AnyMap how{ov::inference_num_threads(threads), ov::num_streams(options.streams),
                 ov::hint::inference_precision(parse_precision(where, options.precision)),
                 // Threads stay where the system puts them: pinned ones of several processes would share cores.
                 ov::hint::enable_cpu_pinning(false)};
  if (!options.cache.empty()) {
    make_directory(options.cache);
    how.insert(ov::cache_dir(options.cache.string()));
  }
  with_openvino(where, "its operators are read but cannot be run here", [&] {
    compiled = openvino_core().compile_model(classifier.model, "CPU", how);
    for (int s = 0; s < options.streams; ++s) {
      idle.push_back(requests.size());
      requests.push_back(compiled.create_infer_request());
    }
    precision = compiled.get_property(ov::hint::inference_precision).get_type_name();
    if (classifier.quantised && std::ranges::any_of(compiled_layers(compiled), is_int8)) precision = kInt8;
  });
  classifier.model.reset();
}

size_t Session::State::prepare(const float* images, int64_t n, float* logits) {
  if (n < 1) fail(where, "asked for the logits of ", n, " images; expected at least 1");
  if (batch > 0 && n != batch) fail(where, "given ", n, " images; it was compiled for batches of ", batch);
  const ImageShape& s = classifier.config.preprocess.size;
  const auto size = [](int64_t d) { return static_cast<size_t>(d); };
  // Nothing writes to the pixels; OpenVINO has no read-only tensor.
  const ov::Tensor in(ov::element::f32, {size(n), size(s.height), size(s.width), size(s.channels)},
                      const_cast<float*>(images));
  const ov::Tensor out(ov::element::f32, {size(n), size(classifier.config.num_classes)}, logits);
  const size_t index = acquire();
  release_on_error(index, [&] {
    requests[index].set_input_tensor(in);
    requests[index].set_output_tensor(out);
  });
  return index;
}

// Probabilities become logits: their logarithms, which are finite.
void Session::State::finish(float* logits, int64_t n) const {
  if (!classifier.probabilities) return;
  for (float& p : std::span(logits, static_cast<size_t>(n * classifier.config.num_classes))) {
    p = std::log(std::max(p, std::numeric_limits<float>::min()));
  }
}

Session::Session(const std::filesystem::path& file, const SessionOptions& options) : state_(std::make_unique<State>()) {
  state_->where = file.string();
  state_->batch = options.batch;
  const int threads = check_options(state_->where, options);
  state_->classifier = read_classifier(file, options.batch, options.img_size);
  state_->size_on_disk = file_bytes(file) + (file.extension() == ".xml" ? file_bytes(weights_beside(file)) : 0);
  state_->compile(options, threads);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

const ModelConfig& Session::config() const { return state_->classifier.config; }
const std::string& Session::provenance() const { return state_->classifier.provenance; }
const std::string& Session::precision() const { return state_->precision; }
std::vector<SessionLayer> Session::layers() const {
  return with_openvino(state_->where, kAdvice, [&] { return compiled_layers(state_->compiled); });
}
int64_t Session::parameters() const { return state_->classifier.parameters; }
int64_t Session::size_on_disk() const { return state_->size_on_disk; }

void Session::run(const float* images, int64_t n, float* logits) {
  const size_t index = state_->prepare(images, n, logits);
  state_->release_on_error(index, [&] { state_->requests[index].infer(); });
  state_->release(index);
  state_->finish(logits, n);
}

std::future<void> Session::start(const float* images, int64_t n, float* logits) {
  const auto done = std::make_shared<std::promise<void>>();
  State* state = state_.get();
  const size_t index = state->prepare(images, n, logits);
  const auto end = [=](std::exception_ptr error) {
    if (!error) state->finish(logits, n);
    state->release(index);
    if (!error) return done->set_value();
    try {
      with_openvino(state->where, kAdvice, [&] { std::rethrow_exception(error); });
    } catch (...) {
      done->set_exception(std::current_exception());
    }
  };
  state->release_on_error(index, [&] {
    state->requests[index].set_callback(end);
    state->requests[index].start_async();
  });
  return done->get_future();
}

void Session::run_batches(const float* images, int64_t n, int64_t batch, float* logits) {
  if (batch < 1) fail_usage(state_->where, "batch is ", batch, "; expected at least 1");
  const int64_t pixels = config().preprocess.size.numel(), classes = config().num_classes;
  std::vector<std::future<void>> parts;
  for (int64_t i = 0; i < n; i += batch) {
    parts.push_back(start(images + i * pixels, std::min(batch, n - i), logits + i * classes));
  }
  for (std::future<void>& part : parts) part.wait();  // for all, as each writes until its end
  for (std::future<void>& part : parts) part.get();
}

}  // namespace retort
