#include <algorithm>
#include <numeric>

#include "train/soup.h"

namespace retort {

namespace {

std::vector<double> average_of(const std::vector<size_t>& chosen, int64_t count) {
  std::vector<double> weights(static_cast<size_t>(count));
  for (const size_t m : chosen) weights[m] = 1.0 / static_cast<double>(chosen.size());
  return weights;
}

}  // namespace

SoupMethod greedy_soup(Settings& /*settings*/) {
  return [](const SoupMembers& members) {
    std::vector<double> alone(static_cast<size_t>(members.count));
    std::vector<size_t> order(alone.size());
    std::iota(order.begin(), order.end(), size_t{0});
    for (const size_t m : order) alone[m] = members.val_accuracy(average_of({m}, members.count));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return alone[a] > alone[b]; });
    std::vector<size_t> chosen = {order.front()};
    double best = alone[order.front()];
    for (const size_t m : std::span(order).subspan(1)) {
      chosen.push_back(m);
      const double accuracy = members.val_accuracy(average_of(chosen, members.count));
      if (accuracy >= best) {
        best = accuracy;
      } else {
        chosen.pop_back();
      }
    }
    return average_of(chosen, members.count);
  };
}

}  // namespace retort
