# What Retort stands on. A user's own LibTorch or OpenVINO (CMAKE_PREFIX_PATH, Torch_DIR, OpenVINO_DIR) wins
# over the wheels that `./dev setup` unpacks into .deps/wheels.

find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)

find_path(LBFGS_INCLUDE_DIR lbfgs.h REQUIRED)
find_library(LBFGS_LIBRARY lbfgs REQUIRED)
add_library(retort_lbfgs INTERFACE IMPORTED)
target_include_directories(retort_lbfgs INTERFACE ${LBFGS_INCLUDE_DIR})
target_link_libraries(retort_lbfgs INTERFACE ${LBFGS_LIBRARY})

find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp REQUIRED)
add_library(retort_protozero INTERFACE IMPORTED)
target_include_directories(retort_protozero INTERFACE ${PROTOZERO_INCLUDE_DIR})

set(RETORT_WHEELS ${PROJECT_SOURCE_DIR}/.deps/wheels)
include(RetortTorch)

if(EXISTS ${RETORT_WHEELS}/openvino/cmake)
  list(APPEND CMAKE_PREFIX_PATH ${RETORT_WHEELS}/openvino/cmake)
endif()
