/// \file file_list.h
/// Image files below a directory, kept so that millions of them cost little more than their names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace retort {

/// Which file or directory it is, whatever path leads there.
struct FileIdentity {
  uint64_t device = 0, inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// Files that were passed over, by extension (".bmp") or by why.
using PassedOver = std::map<std::string, int64_t>;

struct FileList {
  std::string names;            ///< paths below the directory, one behind the other, sorted by bytes
  std::vector<uint64_t> ends;   ///< where each ends in `names`
  std::vector<uint64_t> sizes;  ///< of each, bytes; 0 where a link leads nowhere
  PassedOver passed_over;
};

/// What lies directly in a directory, sorted; hidden names are left out and links followed.
struct DirectoryEntries {
  std::vector<std::string> directories;
  int64_t images = 0;  ///< files with an image's extension
  PassedOver passed_over;
};
DirectoryEntries list_directory(const std::filesystem::path& directory);

/// All files at any depth whose extension is .jpg, .jpeg, .png or .webp, in any case; hidden names are left out. Links
/// are followed, but not into `above` or a directory that the way there led through. Throws Error where a directory
/// cannot be read.
FileList list_images(const std::filesystem::path& directory, std::vector<FileIdentity> above);

/// Throws Error where there is no such directory.
FileIdentity directory_identity(const std::filesystem::path& directory);

}  // namespace retort
