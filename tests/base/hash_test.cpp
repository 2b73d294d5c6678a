#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

// FIPS 180-4 examples.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hash, Sha256KnownAnswers) {
  EXPECT_EQ(sha256(""), kEmpty);
  EXPECT_EQ(sha256("abc"), kAbc);
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), kMillion);
}

TEST(Hash, PiecesMakeTheWhole) { EXPECT_EQ(Sha256().add("a").add("").add("bc").hex(), kAbc); }

TEST(Hash, Files) {
  const test::TempDir dir;
  write_file(dir / "abc", "abc");
  write_file(dir / "empty", "");
  EXPECT_EQ(sha256_file(dir / "abc"), kAbc);
  EXPECT_EQ(sha256_file(dir / "empty"), kEmpty);
  test::expect_error([&] { sha256_file(dir / "absent"); }, {"absent", "No such file"});
}

TEST(Hash, Fnv1aKnownAnswers) {
  EXPECT_EQ(fnv1a(""), 0xCBF29CE484222325ull);
  EXPECT_EQ(fnv1a("a"), 0xAF63DC4C8601EC8Cull);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171F73967E8ull);
}

}  // namespace
}  // namespace retort
