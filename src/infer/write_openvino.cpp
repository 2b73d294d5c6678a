#include "infer/classifier.h"
#include "retort/infer.h"

namespace retort {

namespace {

// What OpenVINO's Model API, its demos and its server look for, in its spelling and in units of 0 to 255.
void add_model_info(ov::Model& model, const ModelConfig& config, bool pixels) {
  const auto set = [&](const char* key, const std::string& value) { model.set_rt_info(value, "model_info", key); };
  set("model_type", "Classification");
  std::string labels;
  for (std::string name : config.label_names) {
    std::replace(name.begin(), name.end(), ' ', '_');  // a space ends a label there
    labels += (labels.empty() ? "" : " ") + name;
  }
  if (!labels.empty()) set("labels", labels);
  set("resize_type", config.preprocess.crop == Preprocess::Crop::squash ? "standard" : "crop");
  if (pixels) return;
  std::vector<std::string> mean, scale;
  for (const double m : config.preprocess.mean) mean.push_back(str(255 * m));
  for (const double s : config.preprocess.std) scale.push_back(str(255 * s));
  set("mean_values", join(mean, " "));
  set("scale_values", join(scale, " "));
}

}  // namespace

void write_openvino(const std::filesystem::path& onnx, const std::filesystem::path& xml) {
  const std::string where = xml.string();
  const auto model = read_openvino(onnx);
  const bool pixels = model->input().get_element_type() == ov::element::u8;
  add_model_info(*model, find_config(onnx, *model), pixels);
  with_openvino(where, "is the disk full, or the directory not yours?",
                [&] { ov::save_model(model, where, /*compress_to_fp16=*/false); });
}

}  // namespace retort
