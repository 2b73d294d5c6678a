// Whatever the text is, a recipe ends in steps or in an Error.

#include <cstddef>
#include <cstdint>
#include <string>

#include "recipe/read.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    retort::read_recipe({.name = "recipe.toml", .text = std::string(reinterpret_cast<const char*>(data), size)});
  } catch (const retort::Error&) {  // what bad recipes are answered with
  }
  return 0;
}
