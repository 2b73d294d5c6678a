#include <algorithm>

#include "cli/command.h"
#include "retort/ship.h"

namespace retort::cli {

namespace {

bool is_float(const SessionLayer& layer) { return layer.precision != "int8"; }

Json to_json(const Int8Report& report) {
  Json accuracy = Json::array(), in_float = Json::array();
  for (const Int8Accuracy& a : report.accuracy) {
    accuracy.push_back({{"split", a.split},
                        {"samples", a.samples},
                        {"before", a.before},
                        {"after", a.after},
                        {"change", a.change.value},
                        {"interval", {a.change.interval.low, a.change.interval.high}},
                        {"agreement", a.agreement}});
  }
  for (const SessionLayer& layer : report.layers) {
    if (is_float(layer)) in_float.push_back({{"name", layer.name}, {"precision", layer.precision}});
  }
  Json trained;
  if (report.trained) {
    trained = {{"changed_decisions", report.trained->changed},
               {"largest_difference", report.trained->largest_difference}};
  }
  return {{"calibration_images", report.calibration_images},
          {"trained", trained},
          {"skipped", report.skipped},
          {"accuracy", accuracy},
          {"layers", report.layers.size()},
          {"layers_in_float", in_float}};
}

std::string describe(const Int8Report& report) {
  const auto in_float = std::ranges::count_if(report.layers, is_float);
  std::string text = str("\nINT8: ", std::ssize(report.layers) - in_float, " of ", report.layers.size(),
                         " convolutions and products run in it here, ", report.skipped.size(), " layers were left out");
  if (report.trained) {
    text +=
        str("\nranges are those of the training; of the images of the check ", report.trained->changed,
            " are decided otherwise than by the student as it was trained, the largest difference of a probability is ",
            report.trained->largest_difference);
  }
  for (const Int8Accuracy& a : report.accuracy) {
    text += str("\naccuracy on ", a.split, ": ", percent(a.before), " before, ", percent(a.after), " after (",
                percent(a.change.value), ", 95% interval ", percent(a.change.interval.low), " to ",
                percent(a.change.interval.high), "); the same decision for ", percent(a.agreement), " of ", a.samples);
  }
  for (const SessionLayer& layer : report.layers) {
    if (is_float(layer)) text += str("\nin ", layer.precision, ": ", layer.name);
  }
  return text;
}

void run_export(Context& context, ShipOptions options) {
  options.threads = context.threads;
  const ShipResult r = ship(options, context.monitor());
  Json document{{"model", options.model},
                {"file", r.file.string()},
                {"format", options.format},
                {"precision", options.precision},
                {"size_on_disk", r.size_on_disk},
                {"sha256", r.sha256},
                {"check",
                 {{"data", r.data},
                  {"split", r.split},
                  {"samples", r.samples},
                  {"largest_difference", r.largest_difference},
                  {"changed_decisions", 0}}}};
  if (r.int8) document["int8"] = to_json(*r.int8);
  context.result(document, str(r.file.string(), ": ", r.size_on_disk, " bytes; in float32 OpenVINO agrees with ",
                               "LibTorch on all ", r.samples, " images of ", r.data, ", the largest difference is ",
                               r.largest_difference, r.int8 ? describe(*r.int8) : "", "\nnext: ", context.program_typed,
                               " eval --model ", shell_quote(r.file.string()), " --data ", shell_quote(r.data)));
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto options = std::make_shared<ShipOptions>();
  CLI::App* verb = add_verb(app, context, "export", "Write a model as one ONNX or OpenVINO file, checked by running it",
                            [&context, options] { run_export(context, *options); });
  verb->add_option("--model", options->model, "A run, an ensemble or a hub name")->required();
  verb->add_option("--format", options->format, "onnx or openvino")->capture_default_str();
  verb->add_option("--out", options->out, "File to make: .onnx, or .xml for openvino; with --layout a directory")
      ->required();
  verb->add_option("--layout", options->layout, "ovms, triton or hf: a directory as they want it");
  verb->add_flag("--softmax", options->onnx.softmax, "Give probabilities in place of logits");
  verb->add_flag("--uint8", options->onnx.uint8, "Take pixels, uint8 [N, H, W, C], and normalise inside");
  verb->add_option("--data", options->data, "Images for the check; else what the model was trained on");
  verb->add_option("--samples", options->samples, "Images of the check, at least 64")->capture_default_str();
  verb->add_option("--precision", options->precision, "f32 or int8")->capture_default_str();
  Int8Options& int8 = options->int8;
  verb->add_option("--range", int8.range, "Of values in INT8: percentile, minmax or entropy")->capture_default_str();
  verb->add_option("--calibration-samples", int8.samples, "Images of train that ranges are learnt from")
      ->capture_default_str();
  verb->add_option("--max-loss", int8.max_loss, "Accuracy on val that INT8 may lose; else layers stay in float32")
      ->capture_default_str();
  verb->add_flag("--skip-broken", options->skip_broken, kSkipBrokenHelp);
}

}  // namespace retort::cli
