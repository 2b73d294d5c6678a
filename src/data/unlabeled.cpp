// Samples whose labels nobody vouches for, behind those of train.
#include "base/hash.h"
#include "base/random.h"
#include "data/open.h"

namespace retort {

namespace {

/// The samples of two sources. Those of the second one have no labels, and ids that say so: the same data may be both.
class JoinedSource : public Source {
 public:
  JoinedSource(std::shared_ptr<const Source> labelled, std::shared_ptr<const Source> unlabelled)
      : labelled_(std::move(labelled)), unlabelled_(std::move(unlabelled)) {}

  int64_t size() const override { return labelled_->size() + unlabelled_->size(); }
  uint64_t id(int64_t i) const override {
    return is_labelled(i) ? labelled_->id(i) : mix64(unlabelled_->id(behind(i)) ^ fnv1a("unlabelled"));
  }
  int64_t label(int64_t i) const override { return is_labelled(i) ? labelled_->label(i) : kNoLabel; }
  Picture picture(int64_t i) const override {
    return is_labelled(i) ? labelled_->picture(i) : unlabelled_->picture(behind(i));
  }
  std::string name(int64_t i) const override {
    return is_labelled(i) ? labelled_->name(i) : unlabelled_->name(behind(i));
  }

 private:
  bool is_labelled(int64_t i) const { return i < labelled_->size(); }
  int64_t behind(int64_t i) const { return i - labelled_->size(); }

  std::shared_ptr<const Source> labelled_, unlabelled_;
};

}  // namespace

Unlabeled open_unlabeled(const std::string& spec) {
  const std::string folder = "folder:";
  const DataSet data = spec.starts_with(folder) ? open_unlabeled_folder(spec.substr(folder.size())) : open_data(spec);
  return {spec, data.hash, data.train};
}

void add_unlabeled(DataSet& data, const Unlabeled& more) {
  const int64_t behind = data.train.source->size();
  data.train.source = std::make_shared<JoinedSource>(data.train.source, more.samples.source);
  for (const int64_t index : more.samples.indices) data.train.indices.push_back(behind + index);
  data.unlabeled = more.spec;
  data.unlabeled_hash = more.hash;
}

}  // namespace retort
