#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace retort {

namespace {

// Whether the open file is still the one of that name. Who held the lock may have removed the file, and another has
// made it anew: then a lock on it holds nobody off.
bool is_named(int fd, const fs::path& path) {
  struct stat ours {
  }, named{};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino;
}

}  // namespace

std::optional<FileLock> FileLock::try_lock(const fs::path& path) {
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) fail_errno(path, "open");
    FileLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK || errno == EINTR) return std::nullopt;
      fail_errno(path, "lock");
    }
    if (is_named(fd, path)) return lock;
  }
}

FileLock::FileLock(const fs::path& path, const std::function<void()>& waiting) {
  for (;;) {
    if (auto lock = try_lock(path)) {
      std::swap(fd_, lock->fd_);
      return;
    }
    waiting();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace retort
