#include "train/soup.h"

namespace retort {

SoupMethod uniform_soup(Settings& /*settings*/) {
  return [](const SoupMembers& members) {
    return std::vector<double>(static_cast<size_t>(members.count), 1.0 / static_cast<double>(members.count));
  };
}

}  // namespace retort
