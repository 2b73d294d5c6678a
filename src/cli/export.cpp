#include "cli/command.h"
#include "retort/ship.h"

namespace retort::cli {

namespace {

void run_export(Context& context, ShipOptions options) {
  options.threads = context.threads;
  const ShipResult r = ship(options, context.monitor());
  context.result({{"model", options.model},
                  {"file", r.file.string()},
                  {"format", options.format},
                  {"precision", "f32"},
                  {"size_on_disk", r.size_on_disk},
                  {"sha256", r.sha256},
                  {"check",
                   {{"data", r.data},
                    {"split", r.split},
                    {"samples", r.samples},
                    {"largest_difference", r.largest_difference},
                    {"changed_decisions", 0}}}},
                 str(r.file.string(), ": ", r.size_on_disk, " bytes; OpenVINO agrees with LibTorch on all ", r.samples,
                     " images of ", r.data, ", the largest difference is ", r.largest_difference,
                     "\nnext: ", context.program_typed, " eval --model ", shell_quote(r.file.string()), " --data ",
                     shell_quote(r.data)));
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
  verb->add_flag("--skip-broken", options->skip_broken, kSkipBrokenHelp);
}

}  // namespace retort::cli
