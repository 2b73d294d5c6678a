#include <filesystem>

#include "retort/train_several.h"
#include "train/run_dir.h"

namespace retort {

namespace {

/// Makes the members' options of those that they share, but for seeds and directories.
using Way = std::function<std::vector<TrainOptions>(const TrainOptions& base)>;

std::vector<TrainOptions> copies(const TrainOptions& base, int64_t count) {
  return std::vector<TrainOptions>(static_cast<size_t>(count), base);
}

int64_t read_count(Settings& settings) { return settings.integer("count", 5, 2, 1000, "members"); }

Way bagging(Settings& settings) {
  return [count = read_count(settings)](const TrainOptions& base) {
    std::vector<TrainOptions> members = copies(base, count);
    for (size_t i = 0; i < members.size(); ++i) members[i].bag = base.seed + i + 1;
    return members;
  };
}

Way seeds(Settings& settings) {
  return [count = read_count(settings)](const TrainOptions& base) { return copies(base, count); };
}

Way views(Settings& settings) {
  return [count = read_count(settings)](const TrainOptions& base) {
    static const char* const kMore[] = {"", "color_jitter", "random_erasing", "color_jitter,random_erasing"};
    std::vector<TrainOptions> members = copies(base, count);
    for (size_t i = 0; i < members.size(); ++i) {
      const std::string more = kMore[i % std::size(kMore)];
      members[i].view_seed = base.view_seed + i;
      members[i].augment += (base.augment.empty() || more.empty() ? "" : ",") + more;
    }
    return members;
  };
}

Way backbones(Settings& /*settings*/) {
  return [](const TrainOptions& base) {
    std::vector<TrainOptions> members;
    std::istringstream list(base.model);
    for (std::string name; std::getline(list, name, ',');) {
      members.push_back(base);
      members.back().model = name;
    }
    if (members.size() >= 2) return members;
    fail_usage("train --diversify backbones", "--model is '", base.model, "'; expected two or more, such as a,b,c");
  };
}

using MakeWay = Way (*)(Settings&);

const std::vector<Registered<MakeWay>>& ways() {
  static const std::vector<Registered<MakeWay>> rows = {
      {"bagging", "each learns from a bootstrap resample of the training samples (Breiman 1996)", bagging},
      {"seeds", "initial weights and order differ (deep ensembles, Lakshminarayanan et al. 2017)", seeds},
      {"views", "augmentations and their seeds differ too: colour jitter and erasing beside --augment, in turn", views},
      {"backbones", "one member for each backbone of --model a,b,c", backbones}};
  return rows;
}

}  // namespace

std::vector<TrainOptions> diversify(const std::string& text, const TrainOptions& base) {
  const Way way = make_registered("train --diversify", ways(), text, "train --diversify ");
  check_collection(base);
  std::vector<TrainOptions> members = way(base);
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].seed = base.seed + i;
    members[i].out = (std::filesystem::path(base.out) / str(i + 1)).string();
  }
  return members;
}

std::vector<ListedItem> list_diversities() { return list_registered(ways()); }

}  // namespace retort
