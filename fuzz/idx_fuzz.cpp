// libFuzzer target: whatever bytes come, the IDX parser answers with an Error or with what the header announces.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "data/idx.h"
#include "retort/base.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const retort::IdxKind kind : {retort::IdxKind::images, retort::IdxKind::labels}) {
    try {
      const retort::Idx idx = retort::parse_idx("fuzz", std::as_bytes(std::span(data, size)), kind);
      if (idx.values.size() != static_cast<size_t>(idx.count * idx.height * idx.width)) std::abort();
    } catch (const retort::Error&) {
    }
  }
  return 0;
}
