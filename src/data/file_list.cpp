#include "data/file_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "retort/base.h"

namespace retort {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 4> kExtensions = {".jpg", ".jpeg", ".png", ".webp"};
constexpr size_t kMaxExtension = 8;  // longer ones are no extensions

/// In lower case, with its dot.
std::string extension_of(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > kMaxExtension) return "other";
  std::string extension(name.substr(dot));
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

bool is_image(const std::string& extension) {
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

struct Entry {
  std::string name;  // ends in '/' for a directory, which sorts whole paths by their bytes
  uint64_t size = 0;
};

/// The entries of one directory. All are looked at before the next is opened, so that depth costs no descriptors.
class Directory {
 public:
  explicit Directory(const fs::path& path) : path_(path), stream_(::opendir(path.c_str()), ::closedir) {
    struct stat found {};
    if (!stream_ || ::fstat(::dirfd(stream_.get()), &found) != 0) fail_errno();
    identity_ = {found.st_dev, found.st_ino};
  }

  FileIdentity identity() const { return identity_; }

  /// Directories and images, sorted; counts what is passed over.
  std::vector<Entry> read(PassedOver& passed_over) {
    std::vector<Entry> entries;
    errno = 0;
    while (const dirent* found = ::readdir(stream_.get())) {
      if (found->d_name[0] != '.') add(*found, entries, passed_over);
      errno = 0;
    }
    if (errno != 0) fail_errno();
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

 private:
  [[noreturn]] void fail_errno() const { fail(path_.string(), "cannot list the directory: ", std::strerror(errno)); }

  void add(const dirent& found, std::vector<Entry>& entries, PassedOver& passed_over) const {
    if (found.d_type == DT_DIR) {
      entries.push_back({str(found.d_name, '/')});
      return;
    }
    const std::string extension = extension_of(found.d_name);
    if (found.d_type == DT_REG && !is_image(extension)) {
      ++passed_over[extension];
      return;
    }
    struct stat target {};
    const bool exists = ::fstatat(::dirfd(stream_.get()), found.d_name, &target, 0) == 0;
    if (exists && S_ISDIR(target.st_mode)) {
      entries.push_back({str(found.d_name, '/')});
    } else if (is_image(extension) && (!exists || S_ISREG(target.st_mode))) {
      entries.push_back({found.d_name, exists ? static_cast<uint64_t>(target.st_size) : 0});
    } else {
      ++passed_over[extension];
    }
  }

  fs::path path_;
  std::unique_ptr<DIR, int (*)(DIR*)> stream_;
  FileIdentity identity_;
};

/// `way`: the directories above this one. `prefix`: its path below the first.
void walk(const fs::path& root, const std::string& prefix, std::vector<FileIdentity>& way, FileList& list) {
  std::vector<Entry> entries;
  {
    Directory directory(root / prefix);
    if (std::find(way.begin(), way.end(), directory.identity()) != way.end()) return;
    way.push_back(directory.identity());
    entries = directory.read(list.passed_over);
  }
  for (const Entry& entry : entries) {
    if (entry.name.back() == '/') {
      walk(root, prefix + entry.name, way, list);
      continue;
    }
    list.names += prefix;
    list.names += entry.name;
    list.ends.push_back(list.names.size());
    list.sizes.push_back(entry.size);
  }
  way.pop_back();
}

}  // namespace

FileIdentity directory_identity(const fs::path& directory) { return Directory(directory).identity(); }

DirectoryEntries list_directory(const fs::path& directory) {
  DirectoryEntries entries;
  for (Entry& entry : Directory(directory).read(entries.passed_over)) {
    if (entry.name.back() != '/') {
      ++entries.images;
      continue;
    }
    entry.name.pop_back();
    entries.directories.push_back(std::move(entry.name));
  }
  std::sort(entries.directories.begin(), entries.directories.end());
  return entries;
}

FileList list_images(const fs::path& directory, std::vector<FileIdentity> above) {
  FileList list;
  walk(directory, "", above, list);
  return list;
}

}  // namespace retort
