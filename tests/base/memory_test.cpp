#include "base/memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/machine.h"

namespace retort {
namespace {

// What a training step does: allocates some MB here and there, writes to them and frees them.
void use_memory() {
  constexpr size_t kBlock = 8 << 20, kPage = 4096;
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 8; ++i) {
    blocks.emplace_back(new char[kBlock]);
    for (size_t at = 0; at < kBlock; at += kPage) blocks.back()[at] = 1;
  }
}

TEST(Memory, WhatWasFreedIsGivenOutAgainWithoutTheSystem) {
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "another allocator";
#endif
  keep_freed_memory();
  use_memory();
  const int64_t before = page_faults();
  use_memory();
  EXPECT_LT(page_faults() - before, 100);  // of 16,384 pages
}

}  // namespace
}  // namespace retort
