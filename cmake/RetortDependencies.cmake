# What Retort stands on. A user's own LibTorch or OpenVINO (CMAKE_PREFIX_PATH, Torch_DIR, OpenVINO_DIR) wins
# over the wheels that `./dev setup` unpacks into .deps/wheels.

find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CURL REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(hwy REQUIRED)

find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp REQUIRED)
add_library(retort_protozero INTERFACE IMPORTED)
target_include_directories(retort_protozero INTERFACE ${PROTOZERO_INCLUDE_DIR})

find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
add_library(retort_tomlplusplus INTERFACE IMPORTED)
target_include_directories(retort_tomlplusplus SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})

set(RETORT_WHEELS ${PROJECT_SOURCE_DIR}/.deps/wheels CACHE PATH "Where ./dev setup unpacks wheels")
foreach(part RetortCodecs RetortLbfgs RetortTorch RetortOpenVINO)
  include(${part})
  if(RETORT_MISSING)
    message(FATAL_ERROR "${RETORT_MISSING}")
  endif()
endforeach()
