#include "ensemble/linear.h"

namespace retort {

std::unique_ptr<Combiner> make_dirichlet(Settings& settings) {
  return make_linear({.name = "dirichlet", .bias = true, .cross = true}, settings);
}

}  // namespace retort
