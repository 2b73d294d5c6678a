/// \file expect_error.h
/// Expects an Error whose one line holds given words.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort::test {

/// Runs `call`, which must throw an Error of `kind`, one line long, that holds each of `words`.
template <class Call>
void expect_error(const Call& call, const std::vector<std::string>& words,
                  std::optional<Error::Kind> kind = std::nullopt) {
  try {
    call();
    ADD_FAILURE() << "no error was thrown; expected one with: " << join(words);
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    for (const std::string& word : words) EXPECT_NE(what.find(word), std::string::npos) << what << "\nlacks: " << word;
    EXPECT_EQ(error.kind(), kind.value_or(error.kind())) << what;
  }
}

}  // namespace retort::test
