# The target retort_torch: LibTorch, from the user's own package or from the wheel in RETORT_WHEELS.
# The wheel's own TorchConfig asks for a CUDA toolkit, so its CPU libraries are imported directly.

find_package(Torch QUIET PATHS ${CMAKE_PREFIX_PATH} NO_DEFAULT_PATH)
if(Torch_FOUND)
  message(STATUS "LibTorch: ${TORCH_INSTALL_PREFIX}")
  add_library(retort_torch INTERFACE IMPORTED)
  target_link_libraries(retort_torch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(retort_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  return()
endif()

set(torch_dir ${RETORT_WHEELS}/torch)
if(NOT EXISTS ${torch_dir}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch: nothing at ${torch_dir}; run ./dev setup, or set CMAKE_PREFIX_PATH to your own LibTorch")
endif()
add_library(retort_torch INTERFACE IMPORTED)
target_include_directories(retort_torch SYSTEM INTERFACE ${torch_dir}/include ${torch_dir}/include/torch/csrc/api/include)
target_link_libraries(retort_torch INTERFACE ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so)
# The wheel's libraries name CUDA's, which are not all there and never called on a CPU.
target_link_options(retort_torch INTERFACE -Wl,--allow-shlib-undefined
  -Wl,--disable-new-dtags,-rpath,${torch_dir}/lib,-rpath,${RETORT_WHEELS}/nvidia/cu13/lib)
