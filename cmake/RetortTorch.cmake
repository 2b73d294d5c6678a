# The target retort_torch: LibTorch, from the user's own package (CMAKE_PREFIX_PATH, Torch_DIR) or from the wheel in
# RETORT_WHEELS. The wheel's own TorchConfig asks for a CUDA toolkit, so its CPU libraries are imported directly.
# Also installed: retortConfig.cmake includes it. What is wrong is left in RETORT_MISSING.

if(TARGET retort_torch)
  return()
endif()
file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" retort_prefixes)
find_package(Torch QUIET PATHS ${CMAKE_PREFIX_PATH} ${retort_prefixes} NO_DEFAULT_PATH)
if(Torch_FOUND)
  message(STATUS "LibTorch: ${TORCH_INSTALL_PREFIX}")
  add_library(retort_torch INTERFACE IMPORTED)
  target_link_libraries(retort_torch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(retort_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  return()
endif()

set(torch_dir ${RETORT_WHEELS}/torch)
if(NOT EXISTS ${torch_dir}/lib/libtorch_cpu.so)
  set(RETORT_MISSING "LibTorch: nothing at '${torch_dir}'; run ./dev setup, set RETORT_WHEELS to a .deps/wheels that it \
made, or set CMAKE_PREFIX_PATH to your own LibTorch")
  return()
endif()
add_library(retort_torch INTERFACE IMPORTED)
target_include_directories(retort_torch SYSTEM INTERFACE ${torch_dir}/include ${torch_dir}/include/torch/csrc/api/include)
target_link_libraries(retort_torch INTERFACE ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so)
# The wheel's libraries name CUDA's, which are not all there and never called on a CPU. --disable-new-dtags, because the
# libraries' own needs are looked up in the program's RPATH, not in its RUNPATH.
target_link_options(retort_torch INTERFACE -Wl,--allow-shlib-undefined
  -Wl,--disable-new-dtags,-rpath,${torch_dir}/lib,-rpath,${RETORT_WHEELS}/nvidia/cu13/lib)
