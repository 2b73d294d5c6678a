#include "ensemble/linear.h"

namespace retort {

std::unique_ptr<Combiner> make_class_weighted(Settings& settings) {
  return make_linear({.name = "class_weighted"}, settings);
}

}  // namespace retort
