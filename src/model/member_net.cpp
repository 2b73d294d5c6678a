#include "model/member_net.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/scratch.h"
#include "model/int8_plan.h"
#include "model/load_network.h"
#include "retort/export.h"
#include "retort/infer.h"
#include "retort/zoo.h"

namespace retort {

namespace {

constexpr const char* kInt8 = "int8";

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

// Calls are cut into what the session was compiled for, or into a part for each stream.
class SessionMember final : public MemberNet {
 public:
  SessionMember(const fs::path& file, const SessionOptions& options) : options_(options), session_(file, options) {}

  void run(const float* images, int64_t n, float* logits) override {
    const int64_t part = options_.batch > 0 ? options_.batch : (n + options_.streams - 1) / options_.streams;
    const int64_t whole = options_.batch > 0 ? n / part * part : n;
    if (whole == part) {
      session_.run(images, part, logits);
    } else if (whole > 0) {
      session_.run_batches(images, whole, part, logits);
    }
    if (whole < n) run_padded(images + whole * pixels(), n - whole, logits + whole * classes());
  }
  std::string precision() const override { return session_.precision(); }
  int streams() const override { return options_.streams; }
  const Session& session() const { return session_; }

 private:
  int64_t pixels() const { return session_.config().preprocess.size.numel(); }
  int64_t classes() const { return session_.config().num_classes; }
  void run_padded(const float* images, int64_t n, float* logits) {
    std::vector<float> padded(images, images + n * pixels());
    padded.resize(static_cast<size_t>(options_.batch * pixels()));
    std::vector<float> out(static_cast<size_t>(options_.batch * classes()));
    session_.run(padded.data(), options_.batch, out.data());
    std::copy_n(out.begin(), n * classes(), logits);
  }

  SessionOptions options_;
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

// Several threads may load the same run.
fs::path temporary_name() {
  static std::atomic<int> count{0};
  return fs::temp_directory_path() / str("retort-", ::getpid(), "-", ++count, ".onnx");
}

// On the threads that LibTorch would use here.
SessionOptions session_options(const ModelOptions& o) {
  const auto streams = static_cast<int64_t>(o.streams);
  return {.threads = at::get_num_threads(),
          .streams = o.streams,
          .precision = o.precision == kInt8 ? "f32" : o.precision,  // integers are in the file
          .batch = o.batch > 0 ? std::max<int64_t>(1, o.batch / streams) : 0,
          .img_size = o.img_size};
}

// In place of the same in float32.
void write_int8(const OnnxExport& source, const std::string& where, const Preprocess& preprocess,
                const ModelOptions& options, const fs::path& file) {
  if (!options.calibration)
    fail_usage(where, "int8 needs images to learn ranges from; export it with --precision int8");
  const std::vector<float> images = calibration_images(where, *options.calibration, preprocess);
  source.write(file, learn_plan(source.facts(), file, kDefaultRange, images, at::get_num_threads()));
}

LoadedMember load_run_in_openvino(const Model::Member& named, const fs::path& run, const ModelOptions& options) {
  if (options.device != "cpu")
    fail_usage(named.path, "runtime openvino on ", options.device, "; expected the device cpu");
  const Scratch file(temporary_name());
  const OnnxExport source(run.string(), {.calibrated = false});
  source.write(file.path());
  LoadedMember out{.member = named};
  const ModelConfig& c = out.member.config = read_config(run);
  if (options.precision == kInt8) write_int8(source, named.path, c.preprocess, options, file.path());
  const ImageShape& size = c.preprocess.size;
  out.member.cost = cost(build_model(c.architecture, c.num_classes, size.channels, size.height),
                         {size.channels, size.height, size.width});
  out.size_on_disk = file_bytes(weights_path(run)) + file_bytes(run / "config.json");
  out.net = std::make_unique<SessionMember>(file.path(), session_options(options));
  return out;
}

LoadedMember load_session(const Model::Member& named, const fs::path& file, const ModelOptions& options) {
  auto net = std::make_unique<SessionMember>(file, session_options(options));
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
  if (is_file) return load_session(named, found, options);
  if (options.runtime == "openvino") return load_run_in_openvino(named, found, options);
  if (options.runtime == "libtorch") return load_run(named, found, options);
  fail_usage(path, "runtime is '", options.runtime, "'; expected libtorch or openvino");
}

}  // namespace retort
