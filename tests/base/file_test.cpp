#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iterator>

#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;

size_t files_in(const fs::path& directory) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

// A disk that takes no more than `bytes` of a file, as a full one would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  sighandler_t old_handler_ = SIG_DFL;
};

TEST(File, WritesAndReads) {
  const TempDir dir;
  write_file(dir / "a", "first");
  write_file(dir / "a", std::string("sec\0nd", 6));
  EXPECT_EQ(read_file(dir / "a"), std::string("sec\0nd", 6));
  write_file(dir / "a", "");
  EXPECT_EQ(read_file(dir / "a"), "");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(File, WithoutCommitNothingIsLeftAndTheOldFileStays) {
  const TempDir dir;
  write_file(dir / "a", "old");
  {
    AtomicFile file(dir / "a");
    file.write("new");
    EXPECT_EQ(read_file(dir / "a"), "old");
  }
  EXPECT_EQ(read_file(dir / "a"), "old");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(File, TwoWritersDoNotMix) {
  const TempDir dir;
  AtomicFile one(dir / "a"), two(dir / "a");
  one.write("one");
  two.write("two");
  one.commit();
  EXPECT_EQ(read_file(dir / "a"), "one");
  two.commit();
  EXPECT_EQ(read_file(dir / "a"), "two");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(File, AFullDiskLeavesNothingHalfWritten) {
  const TempDir dir;
  write_file(dir / "a", "old");
  {
    const FileSizeLimit limit(4096);
    expect_error([&] { write_file(dir / "a", std::string(100'000, 'x')); }, {(dir / "a").string(), "cannot write"});
    expect_error([&] { write_file(dir / "b", std::string(100'000, 'x')); }, {"cannot write"});
  }
  EXPECT_EQ(read_file(dir / "a"), "old");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(File, ErrorsNameThePath) {
  const TempDir dir;
  write_file(dir / "file", "x");
  expect_error([&] { read_file(dir / "absent"); }, {(dir / "absent").string(), "cannot open", "No such file"});
  expect_error([&] { read_file(dir.path()); }, {"not a regular file"});
  expect_error([&] { write_file(dir / "no" / "a", "x"); }, {"cannot create"});
  expect_error([&] { write_file(dir / "file" / "a", "x"); }, {"cannot create"});
  fs::create_directory(dir / "taken");
  expect_error([&] { write_file(dir / "taken", "x"); }, {"taken"});
  expect_error([&] { make_directory(dir / "file"); }, {"file"});
  expect_error([&] { make_directory(dir / "file" / "below"); }, {"below", "cannot create the directory"});
  EXPECT_EQ(files_in(dir.path()), 2u);
}

TEST(File, MakesDirectories) {
  const TempDir dir;
  make_directory(dir / "a" / "b");
  make_directory(dir / "a" / "b");
  EXPECT_TRUE(fs::is_directory(dir / "a" / "b"));
}

TEST(File, MapsReadOnlyAndMoves) {
  const TempDir dir;
  write_file(dir / "a", "abc");
  write_file(dir / "empty", "");
  MappedFile file(dir / "a");
  const MappedFile moved(std::move(file));
  EXPECT_EQ(moved.bytes().size(), 3u);
  EXPECT_EQ(moved.bytes()[1], std::byte{'b'});
  EXPECT_TRUE(MappedFile(dir / "empty").bytes().empty());
  fs::remove(dir / "a");  // the map outlives the name
  EXPECT_EQ(moved.bytes()[2], std::byte{'c'});
}

}  // namespace
}  // namespace retort
