// Finds samples that cannot be read, before a training does in its third hour.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/machine.h"
#include "retort/data.h"

namespace retort {

namespace {

constexpr int64_t kPiece = 64;  // samples that a thread takes at once

/// What a thread found in one piece.
struct Found {
  std::vector<Broken> broken;
  std::vector<ImageShape> shapes;
};

Found look_at(const Samples& samples, int64_t begin, int64_t end) {
  thread_local Image pixels;
  Found found;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t index = samples.indices[static_cast<size_t>(i)];
    try {
      const Picture picture = samples.source->picture(index);
      picture.read(picture.whole(), pixels);
      found.shapes.push_back(picture.shape());
    } catch (const Error& error) {
      found.broken.push_back({i, samples.source->name(index), error.what()});
    }
  }
  return found;
}

}  // namespace

Survey survey(const Samples& samples, int threads, const Monitor& monitor) {
  const int64_t pieces = (samples.size() + kPiece - 1) / kPiece;
  std::vector<Found> found(static_cast<size_t>(pieces));
  std::mutex mutex;  // of what is told
  int64_t done = 0, broken = 0;
  parallel_for(threads, pieces, [&](int64_t piece) {
    if (monitor.stopping()) return;
    const int64_t begin = piece * kPiece, end = std::min(begin + kPiece, samples.size());
    Found& here = found[static_cast<size_t>(piece)] = look_at(samples, begin, end);
    const std::lock_guard lock(mutex);
    done += end - begin, broken += std::ssize(here.broken);
    monitor.tell({"check " + samples.split, done, samples.size(), "images", broken > 0 ? str(broken, " broken") : ""});
  });
  Survey all{.samples = done, .broken = {}, .shapes = {}};
  for (Found& here : found) {
    std::move(here.broken.begin(), here.broken.end(), std::back_inserter(all.broken));
    all.shapes.insert(all.shapes.end(), here.shapes.begin(), here.shapes.end());
  }
  return all;
}

Samples without_broken(const Samples& samples, int threads, const Monitor& monitor) {
  const Survey found = survey(samples, threads, monitor);
  if (found.samples < samples.size()) fail("data", "stopped while looking for broken images; nothing was begun");
  Samples whole{samples.split, samples.source, {}};
  auto broken = found.broken.begin();
  for (int64_t i = 0; i < samples.size(); ++i) {
    if (broken != found.broken.end() && broken->position == i) {
      ++broken;
    } else {
      whole.indices.push_back(samples.indices[static_cast<size_t>(i)]);
    }
  }
  if (whole.size() == 0 && samples.size() > 0) {
    fail("data", "all ", samples.size(), " images of ", samples.split,
         " are broken, such as: ", found.broken[0].message);
  }
  return whole;
}

}  // namespace retort
