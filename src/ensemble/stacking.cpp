#include "ensemble/linear.h"

namespace retort {

std::unique_ptr<Combiner> make_stacking(Settings& settings) {
  return make_linear({.name = "stacking", .bias = true, .cross = true, .fallback = true}, settings);
}

}  // namespace retort
