/// \file hub_cache.h
/// One model in the cache that Retort shares with the Python hub client (docs/formats.md), and a file
/// that has its name only when it is complete. base/file_lock.h has the lock that both programs honour.
#pragma once

#include <functional>

#include "base/file.h"

namespace retort {

class HubCache {
 public:
  /// `repo` is ORG/NAME, already checked.
  HubCache(fs::path root, const std::string& repo);

  /// The commit that a branch or tag stood for when it was last asked; the revision itself where nobody knows.
  std::string commit_of(const std::string& revision) const;
  fs::path snapshot(const std::string& commit) const { return model_ / "snapshots" / commit; }
  bool has(const std::string& commit, const std::string& file) const;
  /// The same, and of this many bytes (-1: of any size).
  bool has(const std::string& commit, const std::string& file, int64_t size) const;
  fs::path blob(const std::string& etag) const { return model_ / "blobs" / etag; }
  fs::path lock(const std::string& etag) const;

  /// Makes the directories that a download needs. These throw Error where the cache cannot be written.
  void prepare() const;
  void add_ref(const std::string& revision, const std::string& commit) const;
  void add_missing(const std::string& commit, const std::string& file) const;
  /// snapshots/COMMIT/FILE -> ../../blobs/ETAG
  void add_pointer(const std::string& commit, const std::string& file, const std::string& etag) const;

 private:
  fs::path root_, model_;
};

/// Whether this is a file of `size` bytes (-1: of any size).
bool is_file_of(const fs::path& path, int64_t size);

/// What has arrived of a file, under NAME.incomplete: it stays there when a download is cut, and the next one goes on.
class PartialFile {
 public:
  explicit PartialFile(fs::path path);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  int64_t size() const { return size_; }
  const fs::path& temporary() const { return temporary_; }
  void append(std::span<const std::byte> bytes);
  void restart();  ///< to no bytes
  void discard();  ///< the file itself goes
  void commit();   ///< syncs, and gives it its name

 private:
  fs::path path_, temporary_;
  int fd_ = -1;
  int64_t size_ = 0;
};

}  // namespace retort
