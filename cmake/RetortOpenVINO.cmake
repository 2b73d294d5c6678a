# The target retort_openvino: OpenVINO's runtime, from the user's own package (CMAKE_PREFIX_PATH, OpenVINO_DIR) or from
# the wheel in RETORT_WHEELS, which brings its own TBB: nothing here may link another.
# Also installed: retortConfig.cmake includes it. What is wrong is left in RETORT_MISSING.

if(TARGET retort_openvino)
  return()
endif()
find_package(OpenVINO QUIET COMPONENTS Runtime)
if(NOT OpenVINO_FOUND)
  find_package(OpenVINO QUIET COMPONENTS Runtime PATHS ${RETORT_WHEELS}/openvino/cmake NO_DEFAULT_PATH)
endif()
if(NOT OpenVINO_FOUND)
  set(RETORT_MISSING "OpenVINO: nothing at '${RETORT_WHEELS}/openvino'; run ./dev setup, set RETORT_WHEELS to a \
.deps/wheels that it made, or set CMAKE_PREFIX_PATH to your own OpenVINO")
  return()
endif()
add_library(retort_openvino INTERFACE IMPORTED)
target_link_libraries(retort_openvino INTERFACE openvino::runtime)
# CMake's own run paths leave out what lies in the source directory, as the wheel does.
target_link_options(retort_openvino INTERFACE "-Wl,-rpath,$<TARGET_FILE_DIR:openvino::runtime>")
