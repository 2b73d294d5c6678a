#include "retort/ship.h"

#include <unistd.h>

#include "base/file.h"
#include "base/machine.h"
#include "base/scratch.h"
#include "retort/infer.h"
#include "retort/model.h"
#include "retort/network.h"
#include "ship/check.h"
#include "ship/int8.h"
#include "ship/layout.h"

namespace retort {

namespace {

constexpr const char* kWhere = "export";
constexpr int64_t kFewestSamples = 64;

// A directory beside the output, so that a rename is enough.
fs::path workshop_beside(const fs::path& out) {
  return fs::absolute(out).parent_path() / str(".retort-export-", ::getpid());
}

std::string ending_of(const ShipOptions& o) { return o.format == "openvino" ? ".xml" : ".onnx"; }

void check_options(const ShipOptions& o) {
  if (o.format != "onnx" && o.format != "openvino") {
    fail_usage(kWhere, "format is '", o.format, "'; expected onnx or openvino");
  }
  if (!o.layout.empty()) {
    file_in_layout(o.layout, ending_of(o));
  } else if (o.out.extension() != ending_of(o)) {
    fail_usage(kWhere, "the output is '", o.out.string(), "'; the format ", o.format, " needs a name that ends in ",
               ending_of(o));
  }
  for (const fs::path& path : {o.out, fs::path(o.out).replace_extension(".bin")}) {
    const bool written = path == o.out || (o.layout.empty() && o.format == "openvino");
    if (written && is_there(path)) fail_usage(path.string(), "exists; choose another name, or remove it");
  }
  if (o.samples < kFewestSamples) {
    fail_usage(kWhere, o.samples, " samples for the check; expected at least ", kFewestSamples);
  }
  if (o.precision != "f32" && o.precision != "int8") {
    fail_usage(kWhere, "precision is '", o.precision, "'; expected f32 or int8");
  }
  check_int8_options(o.int8);
  if (o.threads < 0) fail_usage(kWhere, "threads is ", o.threads, "; expected 0 (all cores) or more");
}

// With a plan in INT8.
void write_unchecked(const OnnxExport& source, const fs::path& file, const std::optional<Int8Plan>& int8 = {}) {
  const fs::path onnx = fs::path(file).replace_extension(".onnx");
  source.write(onnx, int8);
  if (file.extension() == ".xml") {
    write_openvino(onnx, file);
    fs::remove(onnx);
  }
}

DataSet open_check_data(const ShipOptions& options, const std::string& trained_on, const Monitor& monitor) {
  const std::string spec = options.data.empty() ? trained_on : options.data;
  if (spec.empty()) {
    fail_usage(kWhere, "nobody knows what ", options.model, " was trained on; give images for the check as --data");
  }
  DataSet data = open_data(spec);
  if (!options.skip_broken) return data;
  data.train = data.train.subset(std::max(options.samples, options.int8.samples));  // all that is looked at
  for (Samples* samples : {&data.train, &data.val, &data.test}) {
    *samples = without_broken(*samples, usable_cores(), monitor);
  }
  return data;
}

Samples check_samples(const ShipOptions& options, const DataSet& data) {
  const Samples& samples = data.val.size() >= kFewestSamples ? data.val : data.train;
  if (samples.size() < kFewestSamples) {
    fail(data.spec, "has ", samples.size(), " images for the check; expected at least ", kFewestSamples,
         "; give other --data");
  }
  return samples.subset(options.samples);
}

void move_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail(to.string(), "cannot be written: ", error.message());
}

Int8Report write_int8(const Int8Task& task, const fs::path& file) {
  task.reference.check_fits(task.data);
  const Int8Search found = find_int8_plan(task);
  write_unchecked(task.source, file, found.plan);
  Int8Report report = report_int8(task, found, file);
  fs::remove_all(fs::path(task.reference.path()).parent_path());
  return report;
}

void give_name(const fs::path& made, const ShipOptions& options) {
  if (options.layout.empty() && options.format == "openvino") {
    move_to(fs::path(made).replace_extension(".bin"), fs::path(options.out).replace_extension(".bin"));
  }
  move_to(made, options.out);
}

int64_t bytes_in(const fs::path& directory) {
  int64_t sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) sum += static_cast<int64_t>(entry.file_size());
  }
  return sum;
}

}  // namespace

ShipResult ship(const ShipOptions& wanted, const Monitor& monitor) {
  ShipOptions options = wanted;
  if (!options.out.has_filename()) options.out = options.out.parent_path();  // as shells complete a directory's name
  check_options(options);
  set_threads(resolve_threads(options.threads));
  const Scratch workshop(workshop_beside(options.out));
  make_directory(workshop.path());
  const fs::path made = workshop.path() / options.out.filename();  // what gets its name at the end
  fs::path file = made;
  if (!options.layout.empty()) {
    file /= file_in_layout(options.layout, ending_of(options));
    make_directory(file.parent_path());
  }
  const bool int8 = options.precision == "int8";
  const fs::path reference = int8 ? workshop.path() / ".int8" / "reference.onnx" : file;
  make_directory(reference.parent_path());
  const OnnxExport source(options.model, options.onnx, monitor);
  write_unchecked(source, reference);
  const DataSet data = open_check_data(options, source.facts().data, monitor);
  const Samples samples = check_samples(options, data);
  Model original(options.model, {}, monitor), exported(reference.string());
  ShipResult result{.file = options.out, .data = data.spec, .split = samples.split, .samples = samples.size()};
  result.largest_difference = check_same_answers(options.model, answers(original, samples, monitor),
                                                 answers(exported, samples, monitor), options.onnx.softmax);
  if (int8) result.int8 = write_int8({options, source, original, exported, data, samples, monitor}, file);
  result.sha256 = session_file_hash(file);
  if (!options.layout.empty()) {
    result.file /= file_in_layout(options.layout, ending_of(options));
    write_layout(options.layout, made, options.out.filename().string(), ending_of(options), source.facts(),
                 options.onnx);
  }
  result.size_on_disk = bytes_in(workshop.path());
  give_name(made, options);
  return result;
}

}  // namespace retort
