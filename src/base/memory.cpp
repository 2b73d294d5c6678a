#include "base/memory.h"

#include <cstdlib>  // any header of the C library says which one it is

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace retort {

void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace retort
