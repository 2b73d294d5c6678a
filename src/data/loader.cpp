// Worker threads fill a ring of batches ahead of the consumer. Workers claim batches in order and write them side by
// side; batch b lies in slot b % ring. A ring of ahead + 1 slots keeps the batch that the consumer holds out of reach.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <stop_token>
#include <thread>

#include "base/machine.h"
#include "base/random.h"
#include "retort/data.h"

namespace retort {

namespace {

constexpr int kMaxWorkers = 1024, kMaxAhead = 4096;

void check_range(const char* name, int64_t value, int64_t min, int64_t max) {
  if (value < min || value > max) fail_usage("loader", name, " is ", value, "; expected ", min, " to ", max);
}

/// Turns one sample into normalised floats.
class ImageMaker {
 public:
  ImageMaker(Preprocess preprocess, const LoaderOptions& options)
      : preprocess_(std::move(preprocess)),
        normalize_(preprocess_),
        augment_(options.augment),
        seed_(options.view_seed.value_or(options.seed)) {}

  size_t numel() const { return static_cast<size_t>(preprocess_.size.numel()); }

  void make(const Source& source, int64_t index, int64_t view, Image& scratch, std::span<float> out) const {
    try {
      augment_.apply(source.picture(index), preprocess_, seed_, source.id(index), view, scratch);
    } catch (const Error& error) {
      throw error.with("--skip-broken leaves broken images out");
    }
    normalize_(scratch, out.data());
  }

  bool mixes(int64_t view) const { return augment_.mixes(view); }
  /// The sample of `pool` that one view of sample `id` is mixed with.
  int64_t other(std::span<const int64_t> pool, uint64_t id, int64_t view) const {
    return pool[stream(seed_, Purpose::mix_with, id, static_cast<uint64_t>(view)).below(pool.size())];
  }
  double mix(std::span<float> image, std::span<const float> other, uint64_t id, int64_t view) const {
    return augment_.mix(image, other, preprocess_.size, seed_, id, view);
  }

 private:
  Preprocess preprocess_;
  Normalizer normalize_;
  Augment augment_;
  uint64_t seed_;
};

}  // namespace

struct Loader::State {
  /// One place of the ring. `batch` belongs to the worker that makes it until `done`, then to the consumer.
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool done = false;
  };

  State(Samples samples, Preprocess preprocess, LoaderOptions options);
  ~State();

  void start(int64_t epoch, int64_t view, int64_t first);
  const Batch* next();
  int64_t batches() const;
  double cpu_seconds();

 private:
  void work(const std::stop_token& stop);
  /// What a worker works in.
  struct Scratch {
    Image image;
    std::vector<float> other;
  };
  void make(int64_t number, Slot& slot, Scratch& scratch) const;
  void mix(Batch& batch, size_t i, std::span<float> image, Scratch& scratch) const;
  void set_order(int64_t epoch);
  Slot& slot(int64_t number) { return ring_[static_cast<size_t>(number) % ring_.size()]; }
  bool may_claim() const { return claimed_ < std::min(next_ + options_.ahead, batches()); }

  const Samples samples_;
  const LoaderOptions options_;
  const ImageMaker maker_;
  std::atomic<bool> cancelled_ = false;  // lets workers leave their batch unfinished

  // Below is guarded by mutex_, except that order_ and view_ rest while workers are busy.
  std::mutex mutex_;
  std::condition_variable_any work_;
  std::condition_variable ready_;
  std::vector<Slot> ring_;
  std::vector<int64_t> order_;
  int64_t view_ = kPlainView;
  bool started_ = false;
  int64_t next_ = 0;     // batch to deliver next; the one before it is in the consumer's hands
  int64_t claimed_ = 0;  // batch that no worker has begun yet
  int busy_ = 0;         // workers at a batch
  double cpu_seconds_ = 0;
  std::vector<std::jthread> workers_;  // last: joined before what they use goes
};

Loader::State::State(Samples samples, Preprocess preprocess, LoaderOptions options)
    : samples_(std::move(samples)), options_(std::move(options)), maker_(std::move(preprocess), options_) {
  check_range("batch", options_.batch, 1, int64_t{1} << 30);
  check_range("workers", options_.workers, 1, kMaxWorkers);
  check_range("ahead", options_.ahead, 1, kMaxAhead);
  if (!samples_.source || samples_.size() == 0) fail("loader", "there are no samples; expected at least one");
  for (const int64_t index : samples_.indices) {
    if (index < 0 || index >= samples_.source->size()) {
      fail("loader", "sample ", index, " does not exist; the source has ", samples_.source->size());
    }
  }
  ring_.resize(static_cast<size_t>(options_.ahead) + 1);
  order_.resize(samples_.indices.size());
  claimed_ = batches();  // nothing to do before start
  for (int i = 0; i < options_.workers; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

Loader::State::~State() {
  const std::lock_guard lock(mutex_);
  claimed_ = batches();
  cancelled_ = true;
}

int64_t Loader::State::batches() const {
  const int64_t whole = samples_.size() / options_.batch;
  if (options_.drop_last && whole > 0) return whole;
  return whole + (samples_.size() % options_.batch > 0);
}

void Loader::State::set_order(int64_t epoch) {
  std::iota(order_.begin(), order_.end(), int64_t{0});
  if (options_.shuffle) stream(options_.seed, Purpose::order, static_cast<uint64_t>(epoch)).shuffle(order_);
}

void Loader::State::start(int64_t epoch, int64_t view, int64_t first) {
  check_range("first batch", first, 0, batches());
  if (view < kPlainView) fail_usage("loader", "view is ", view, "; expected 0 or more, or -1 for the plain image");
  std::unique_lock lock(mutex_);
  started_ = false;
  cancelled_ = true;
  claimed_ = batches();
  ready_.wait(lock, [this] { return busy_ == 0; });
  cancelled_ = false;
  for (Slot& s : ring_) s.done = false, s.error = nullptr;
  set_order(epoch);
  view_ = view;
  next_ = claimed_ = first;
  started_ = true;
  work_.notify_all();
}

const Batch* Loader::State::next() {
  std::unique_lock lock(mutex_);
  if (!started_) fail_usage("loader", "next before start; call start first");
  if (next_ == batches()) return nullptr;
  Slot& s = slot(next_);
  ready_.wait(lock, [&s] { return s.done; });
  if (s.error) std::rethrow_exception(s.error);
  s.done = false;
  ++next_;
  work_.notify_one();
  return &s.batch;
}

double Loader::State::cpu_seconds() {
  const std::lock_guard lock(mutex_);
  return cpu_seconds_;
}

void Loader::State::work(const std::stop_token& stop) {
  Scratch scratch;
  double used = thread_cpu_seconds();
  std::unique_lock lock(mutex_);
  while (work_.wait(lock, stop, [this] { return may_claim(); })) {
    const int64_t number = claimed_++;
    Slot& s = slot(number);
    ++busy_;
    lock.unlock();
    std::exception_ptr error;
    try {
      make(number, s, scratch);
    } catch (...) {
      error = std::current_exception();
    }
    const double now = thread_cpu_seconds();
    lock.lock();
    cpu_seconds_ += now - std::exchange(used, now);
    s.error = error;
    s.done = true;
    --busy_;
    ready_.notify_all();
  }
}

void Loader::State::make(int64_t number, Slot& s, Scratch& scratch) const {
  const int64_t begin = number * options_.batch;
  const int64_t size = std::min(options_.batch, samples_.size() - begin);
  Batch& batch = s.batch;
  batch.size = size;
  batch.view = view_;
  batch.positions.assign(order_.begin() + begin, order_.begin() + begin + size);
  batch.labels.resize(static_cast<size_t>(size));
  batch.images.resize(static_cast<size_t>(size) * maker_.numel());
  batch.other_labels.resize(maker_.mixes(view_) ? static_cast<size_t>(size) : 0);
  batch.shares.resize(batch.other_labels.size());
  for (size_t i = 0; i < static_cast<size_t>(size) && !cancelled_.load(std::memory_order_relaxed); ++i) {
    const int64_t index = samples_.indices[static_cast<size_t>(batch.positions[i])];
    batch.labels[i] = samples_.source->label(index);
    const std::span<float> image = std::span(batch.images).subspan(i * maker_.numel(), maker_.numel());
    maker_.make(*samples_.source, index, view_, scratch.image, image);
    if (maker_.mixes(view_)) mix(batch, i, image, scratch);
  }
}

void Loader::State::mix(Batch& batch, size_t i, std::span<float> image, Scratch& scratch) const {
  const uint64_t id = samples_.id(batch.positions[i]);
  const std::vector<int64_t>& pool = options_.mix_with.empty() ? samples_.indices : options_.mix_with;
  const int64_t other = maker_.other(pool, id, view_);
  scratch.other.resize(image.size());
  maker_.make(*samples_.source, other, view_, scratch.image, scratch.other);
  batch.shares[i] = static_cast<float>(maker_.mix(image, scratch.other, id, view_));
  batch.other_labels[i] = samples_.source->label(other);
}

Loader::Loader(Samples samples, Preprocess preprocess, LoaderOptions options)
    : state_(std::make_unique<State>(std::move(samples), std::move(preprocess), std::move(options))) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;

void Loader::start(int64_t epoch, int64_t view, int64_t first) { state_->start(epoch, view, first); }
const Batch* Loader::next() { return state_->next(); }
int64_t Loader::batches() const { return state_->batches(); }
double Loader::worker_cpu_seconds() const { return state_->cpu_seconds(); }

}  // namespace retort
