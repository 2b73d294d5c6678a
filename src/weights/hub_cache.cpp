#include "weights/hub_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <utility>

#include "retort/base.h"

namespace retort {

namespace {

constexpr const char* kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag: backups may leave this directory out (https://bford.info/cachedir/).\n";

std::string folder_name(std::string repo) {
  repo.replace(repo.find('/'), 1, "--");
  return "models--" + repo;
}

}  // namespace

bool is_file_of(const fs::path& path, int64_t size) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  const auto found = fs::file_size(path, error);
  return !error && (size < 0 || found == static_cast<uintmax_t>(size));
}

HubCache::HubCache(fs::path root, const std::string& repo)
    : root_(std::move(root)), model_(root_ / folder_name(repo)) {}

std::string HubCache::commit_of(const std::string& revision) const {
  const fs::path ref = model_ / "refs" / revision;
  if (!is_file_of(ref, -1)) return revision;
  std::string commit = read_file(ref).substr(0, 64);
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  const bool plain = commit.find_first_not_of("0123456789abcdef") == std::string::npos;
  return plain && !commit.empty() ? commit : revision;
}

bool HubCache::has(const std::string& commit, const std::string& file) const { return has(commit, file, -1); }

bool HubCache::has(const std::string& commit, const std::string& file, int64_t size) const {
  return is_file_of(snapshot(commit) / file, size);
}

fs::path HubCache::lock(const std::string& etag) const {
  return root_ / ".locks" / model_.filename() / (etag + ".lock");
}

void HubCache::prepare() const {
  make_directory(model_ / "blobs");
  make_directory(lock("x").parent_path());
  if (!is_file_of(root_ / "CACHEDIR.TAG", -1)) write_file(root_ / "CACHEDIR.TAG", kCacheTag);
}

void HubCache::add_ref(const std::string& revision, const std::string& commit) const {
  if (commit_of(revision) == commit) return;
  const fs::path ref = model_ / "refs" / revision;
  make_directory(ref.parent_path());
  write_file(ref, commit);
}

void HubCache::add_missing(const std::string& commit, const std::string& file) const {
  make_directory(model_ / ".no_exist" / commit);
  write_file(model_ / ".no_exist" / commit / file, "");
}

void HubCache::add_pointer(const std::string& commit, const std::string& file, const std::string& etag) const {
  make_directory(snapshot(commit));
  const fs::path pointer = snapshot(commit) / file;
  const fs::path fresh = pointer.string() + str(".", ::getpid(), ".tmp");
  std::error_code error;
  fs::remove(fresh, error);
  fs::create_symlink(fs::path("../../blobs") / etag, fresh, error);
  if (!error) fs::rename(fresh, pointer, error);
  if (error) fail(pointer.string(), "cannot make the link to its blob: ", error.message());
}

PartialFile::PartialFile(fs::path path) : path_(std::move(path)), temporary_(path_.string() + ".incomplete") {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) fail_errno(temporary_, "open");
  struct stat info {};
  if (::fstat(fd_, &info) == 0) size_ = info.st_size;
}

PartialFile::~PartialFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (size_ == 0) ::unlink(temporary_.c_str());
}

void PartialFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno(temporary_, "write");
    size_ += written;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void PartialFile::restart() {
  if (::ftruncate(fd_, 0) != 0) fail_errno(temporary_, "empty");
  size_ = 0;
}

void PartialFile::discard() {
  ::close(std::exchange(fd_, -1));
  ::unlink(temporary_.c_str());
}

void PartialFile::commit() {
  if (::fsync(fd_) != 0 && errno != EINVAL) fail_errno(temporary_, "sync");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_errno(path_, "rename");
  ::close(std::exchange(fd_, -1));
}

}  // namespace retort
