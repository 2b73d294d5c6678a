#include <iomanip>

#include "cli/command.h"
#include "retort/data.h"
#include "retort/ensemble.h"
#include "retort/losses.h"
#include "retort/train_several.h"
#include "retort/zoo.h"

namespace retort::cli {

namespace {

Json settings_json(const std::vector<SettingInfo>& settings) {
  Json out = Json::array();
  for (const SettingInfo& s : settings) {
    out.push_back(
        {{"name", s.name}, {"type", s.type}, {"default", s.default_value}, {"range", s.range}, {"help", s.help}});
  }
  return out;
}

void list_items(const Context& context, const std::string& what, const std::vector<ListedItem>& items) {
  Json document = Json::array();
  std::string text;
  for (const ListedItem& item : items) {
    document.push_back({{"name", item.name}, {"help", item.help}, {"settings", settings_json(item.settings)}});
    text += (text.empty() ? "" : "\n") + item.name + "\n    " + item.help;
    for (const SettingInfo& s : item.settings) {
      text += str("\n    ", s.name, "=", s.default_value, "  ", s.range, "  ", s.help);
    }
  }
  context.result({{what, document}}, text);
}

void list_backbones(const Context& context) {
  Json document = Json::array();
  std::ostringstream text;
  text << std::left << std::setw(28) << "name" << std::setw(14) << "family" << std::right << std::setw(12)
       << "parameters" << std::setw(16) << "multiply-adds"
       << "  input";
  for (const ModelInfo& info : list_models()) {
    const int64_t classes = info.input_size.at(1) >= 128 ? 1000 : 100;  // ImageNet's, CIFAR-100's
    const Cost c = cost(build_model(info.name, classes, info.input_size.at(0)), info.input_size);
    document.push_back({{"name", info.name},
                        {"family", info.family},
                        {"parameters", c.parameters},
                        {"macs", c.macs},
                        {"input_size", info.input_size},
                        {"num_classes", classes}});
    text << '\n'
         << std::left << std::setw(28) << info.name << std::setw(14) << info.family << std::right << std::setw(12)
         << c.parameters << std::setw(16) << c.macs << "  " << info.input_size[0] << "x" << info.input_size[1] << "x"
         << info.input_size[2] << ", " << classes << " classes";
  }
  context.result({{"models", document}}, text.str());
}

struct Listing {
  const char* what;
  std::vector<ListedItem> (*items)();
};
constexpr Listing kListings[] = {{"losses", list_losses},
                                 {"combiners", list_combiners},
                                 {"calibrations", list_calibrations},
                                 {"schedules", list_schedules},
                                 {"diversities", list_diversities},
                                 {"soups", list_soups},
                                 {"augmentations", list_augmentations},
                                 {"data", list_data}};

std::vector<std::string> listings() {
  std::vector<std::string> names = {"models"};
  for (const Listing& listing : kListings) names.emplace_back(listing.what);
  return names;
}

void run_list(const Context& context, const std::string& what) {
  for (const Listing& listing : kListings) {
    if (what == listing.what) return list_items(context, what, listing.items());
  }
  list_backbones(context);
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  auto what = std::make_shared<std::string>();
  CLI::App* verb = add_verb(app, context, "list", "What there is, with settings and defaults",
                            [&context, what] { run_list(context, *what); });
  verb->add_option("what", *what, join(listings()))->required()->check(CLI::IsMember(listings()));
}

}  // namespace retort::cli
