# The target retort_lbfgs: libLBFGS, which ships no CMake package of its own.
# Also installed: retortConfig.cmake includes it.

if(TARGET retort_lbfgs)
  return()
endif()
find_path(LBFGS_INCLUDE_DIR lbfgs.h)
find_library(LBFGS_LIBRARY lbfgs)
if(NOT LBFGS_INCLUDE_DIR OR NOT LBFGS_LIBRARY)
  set(RETORT_MISSING "libLBFGS: not found; install liblbfgs-dev")
  return()
endif()
add_library(retort_lbfgs INTERFACE IMPORTED)
target_include_directories(retort_lbfgs INTERFACE ${LBFGS_INCLUDE_DIR})
target_link_libraries(retort_lbfgs INTERFACE ${LBFGS_LIBRARY})
