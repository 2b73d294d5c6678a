#include "ensemble/linear.h"

namespace retort {

std::unique_ptr<Combiner> make_vector_scaling(Settings& settings) {
  return make_linear({.name = "vector_scaling", .bias = true}, settings);
}

}  // namespace retort
