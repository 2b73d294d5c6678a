// Bytes to the PNG decoder.
#include "decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  retort::fuzz_decoder(retort::kPng, data, size);
  return 0;
}
