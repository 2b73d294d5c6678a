#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "retort/base.h"

namespace retort {

namespace {

// Makes a rename last over a power cut; some file systems refuse to sync directories, which does no harm.
void sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

// Opens a file for reading. Throws Error where it is none.
int open_regular(const fs::path& path, struct stat& info) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_errno(path, "open");
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) return fd;
  ::close(fd);
  fail(path.string(), "not a regular file; expected a file to read");
}

// Reads until `out` is full or the file ends; -1 on an error.
ssize_t read_all(int fd, std::span<std::byte> out) {
  size_t total = 0;
  while (total < out.size()) {
    const ssize_t got = ::read(fd, out.data() + total, out.size() - total);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    total += static_cast<size_t>(got);
  }
  return static_cast<ssize_t>(total);
}

}  // namespace

void fail_errno(const fs::path& path, std::string_view action) {
  const int error = errno;
  fail(path.string(), "cannot ", action, ": ", std::strerror(error),
       error == ENOSPC || error == EDQUOT ? "; make room on the disk and run again" : "");
}

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

int64_t file_bytes(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  struct stat info {};
  const int fd = open_regular(path, info);
  std::vector<std::byte> bytes(static_cast<size_t>(info.st_size));
  const ssize_t got = read_all(fd, bytes);
  const int error = errno;
  ::close(fd);
  if (got < 0) {
    errno = error;
    fail_errno(path, "read");
  }
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

std::string read_file(const fs::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  static std::atomic<unsigned> counter{0};
  temporary_ = path_;
  temporary_ += str(".", ::getpid(), ".", counter++, ".tmp");
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) fail_errno(path_, "create");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno(path_, "write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0 && errno != EINVAL) fail_errno(path_, "sync");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_errno(path_, "rename");
  ::close(std::exchange(fd_, -1));
  sync_directory(path_.parent_path());
}

void write_file(const fs::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

void make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path)) {
    fail(path.string(), "cannot create the directory: ", error ? error.message() : "a file is in the way");
  }
}

MappedFile::MappedFile(const fs::path& path) {
  struct stat info {};
  const int fd = open_regular(path, info);
  size_ = static_cast<size_t>(info.st_size);
  void* address = size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0) : nullptr;
  const int error = errno;
  ::close(fd);
  if (address == MAP_FAILED) {
    errno = error;
    fail_errno(path, "map");
  }
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace retort
