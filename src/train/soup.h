/// \file soup.h
/// How the members of a soup are weighed.
#pragma once

#include "retort/train_several.h"

namespace retort {

/// What a method may look at.
struct SoupMembers {
  int64_t count = 0;
  /// Accuracy on val of the average with these weights, [count] of sum 1. Slow: batch norms are computed each time.
  std::function<double(const std::vector<double>& weights)> val_accuracy;
};
/// Gives each member's weight; they sum to 1.
using SoupMethod = std::function<std::vector<double>(const SoupMembers& members)>;

/// Throws a usage error.
SoupMethod make_soup_method(const std::string& spec);

}  // namespace retort
