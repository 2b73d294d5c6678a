/// \file data.h
/// Data sets, their splits, augmented views of their samples, and batches made ahead of need.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retort/image.h"

namespace retort {

/// Samples, wherever they come from. Reading is thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t size() const = 0;
  /// Stable name of a sample: the same wherever and in whatever order the data is opened.
  virtual uint64_t id(int64_t index) const = 0;
  /// Class index in [0, classes), or kNoLabel.
  virtual int64_t label(int64_t index) const = 0;
  /// The sample's picture, which may point into the source. Throws Error on a broken sample.
  virtual Picture picture(int64_t index) const = 0;
  /// The sample as people find it again: a file's path, or its place.
  virtual std::string name(int64_t index) const { return str("sample ", index); }
};

inline constexpr int64_t kNoLabel = -1;

/// A chosen, ordered part of a source. A value: copies share the source.
struct Samples {
  std::string split;  ///< "train", "val", "test" or "all"
  std::shared_ptr<const Source> source;
  std::vector<int64_t> indices;  ///< into the source

  int64_t size() const { return static_cast<int64_t>(indices.size()); }
  uint64_t id(int64_t i) const { return source->id(indices[static_cast<size_t>(i)]); }
  int64_t label(int64_t i) const { return source->label(indices[static_cast<size_t>(i)]); }
  /// The `count` samples whose ids hash lowest, in their order here: a fixed subset that grows with `count`.
  /// `count` <= 0 or >= size() is all of them.
  Samples subset(int64_t count) const;
  /// SHA-256 of the ids and labels in order: equal exactly when these are the same samples.
  std::string hash() const;
};

/// A labelled image data set with its three splits.
struct DataSet {
  std::string spec;  ///< as given to open_data
  std::string hash;  ///< SHA-256 over its files' contents, decompressed; of a folder, over paths and sizes only
  ImageShape shape;  ///< of every image; height and width are 0 where they differ
  std::vector<std::string> label_names;
  std::vector<double> mean, std;  ///< per channel, of pixels scaled to [0, 1]: for nets that bring none of their own
  Samples train, val, test;       ///< test may be empty in a folder
  std::string unlabeled, unlabeled_hash;       ///< spec and hash of what add_unlabeled has added; empty: nothing
  std::map<std::string, int64_t> passed_over;  ///< files in a folder that are no samples, by extension or by why

  int64_t classes() const { return static_cast<int64_t>(label_names.size()); }
  /// train, val or test; or all of them where they lie together, as in folders: for models that were not trained here.
  /// Throws a usage error for another name, and for a split that is empty, with those that are not.
  Samples split(const std::string& name) const;
};

/// Opens `fashion-mnist`, `idx:DIR` (the four IDX files, plain or gzip), `cifar10:DIR`, `cifar100:DIR` or `folder:DIR`
/// (images in class directories); docs/data.md says how each is laid out and split. Where the data has no validation
/// split, val is the 10% of train that a fixed hash of the id chooses, whatever the subset. Throws Error on damaged
/// files, and a usage error on an unknown spec; where fashion-mnist is not installed the message says how to get it.
/// Image files are not read now: a broken one is an error when it comes.
DataSet open_data(const std::string& spec);
/// Images to learn from without labels: all below a `folder:DIR`, at any depth (below DIR/train where it has parts), or
/// the train split of other data, whose labels are not looked at. Throws Error as open_data does, and where there is no
/// image.
struct Unlabeled {
  std::string spec, hash;
  Samples samples;
};
Unlabeled open_unlabeled(const std::string& spec);
/// Puts them behind the samples of train, without labels, under ids of their own.
void add_unlabeled(DataSet& data, const Unlabeled& more);
/// Image files as samples without labels, in the order given. Files are read when their pictures are asked for.
Samples open_files(std::vector<std::string> paths);
/// The kinds of data that open_data knows.
std::vector<ListedItem> list_data();

/// A sample that cannot be used.
struct Broken {
  int64_t position = 0;       ///< in the Samples
  std::string name, message;  ///< the sample's, and what is wrong with it
};

/// What reading every sample found.
struct Survey {
  int64_t samples = 0;             ///< looked at; fewer where the monitor stopped it
  std::vector<Broken> broken;      ///< in order
  std::vector<ImageShape> shapes;  ///< of the others, in order
};
/// Reads and decodes every sample, on `threads` threads.
Survey survey(const Samples& samples, int threads, const Monitor& monitor = {});

/// The samples that can be read, in order; tells the monitor how many are left out. Throws Error where none is left,
/// and where the monitor stops it.
Samples without_broken(const Samples& samples, int threads, const Monitor& monitor = {});

/// The view that is the sample itself: no augmentation.
inline constexpr int64_t kPlainView = -1;

/// A chain of random changes. A view is a pure function of (seed, sample id, view number): the same for teacher and
/// student, on any thread, in any order. All chance is drawn before sizes are looked at, so that networks of different
/// input sizes see one view, each at its own size. Immutable, thread-safe.
class Augment {
 public:
  class Step;
  /// No change at all.
  Augment() = default;
  /// Parses `random_crop:padding=4,hflip`; empty text is no change at all. Throws a usage error.
  explicit Augment(const std::string& spec);
  /// Writes view `view` of the picture, as `preprocess` fits it into a network; `kPlainView` is the picture itself.
  void apply(const Picture& picture, const Preprocess& preprocess, uint64_t seed, uint64_t id, int64_t view,
             Image& out) const;
  /// Whether view `view` is mixed with the same view of another sample.
  bool mixes(int64_t view) const { return mixer_ && view != kPlainView; }
  /// Mixes `other`, the same view of another sample, into `image`, both [H, W, C].
  /// Returns the share of the label that stays the sample's own.
  double mix(std::span<float> image, std::span<const float> other, const ImageShape& shape, uint64_t seed, uint64_t id,
             int64_t view) const;
  /// The text it was made from.
  const std::string& spec() const { return spec_; }

 private:
  std::string spec_;
  std::vector<std::shared_ptr<const Step>> steps_;
  std::shared_ptr<const Step> mixer_;  ///< the one step that mixes, where there is one
};

std::vector<ListedItem> list_augmentations();

/// Images ready for a network. Buffers are recycled: a batch is valid until the next call of Loader::next or start.
struct Batch {
  int64_t size = 0;
  int64_t view = kPlainView;
  std::vector<float> images;       ///< [N, H, W, C] of Preprocess::size, (pixel / 255 - mean) / std
  std::vector<int64_t> labels;     ///< [N]
  std::vector<int64_t> positions;  ///< [N], indices into the Samples
  /// Where views are mixed (mixup, cutmix), [N], else empty: the other sample's label, and the share that `labels`
  /// keep.
  std::vector<int64_t> other_labels;
  std::vector<float> shares;
};

struct LoaderOptions {
  int64_t batch = 128;
  bool shuffle = false;    ///< order is a pure function of seed and epoch
  bool drop_last = false;  ///< leave out an incomplete last batch, unless it is the only one
  uint64_t seed = 0;
  std::optional<uint64_t> view_seed;  ///< of the views; without one, `seed`
  Augment augment;
  /// What mixed views draw their other sample from; empty: the samples themselves.
  std::vector<int64_t> mix_with;
  int workers = 1;  ///< threads that make batches
  int ahead = 4;    ///< batches made ahead
};

/// Makes batches ahead of need. One consumer at a time. Errors in a worker are thrown by next().
class Loader {
 public:
  Loader(Samples samples, Preprocess preprocess, LoaderOptions options);
  ~Loader();
  Loader(Loader&&) noexcept;
  /// Begins an epoch at batch `first`, every image in view `view`; what is left of the epoch before is dropped.
  void start(int64_t epoch, int64_t view, int64_t first = 0);
  /// The next batch, or null at the end of the epoch. After an error, only `start` goes on.
  const Batch* next();
  /// Batches in an epoch.
  int64_t batches() const;
  /// Processor seconds that the workers have used.
  double worker_cpu_seconds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace retort
