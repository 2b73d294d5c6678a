# How a module, a test and an example are built. One static library per module.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers are only cached with these two allowances; with a base directory clones share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE})
endif()

add_library(retort_options INTERFACE)
target_compile_options(retort_options INTERFACE -Wall -Wextra -Wshadow -Wno-missing-field-initializers
  $<$<BOOL:${RETORT_WERROR}>:-Werror> $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  # g++ 12 sees both in inlined std::string operations where they are not.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
target_link_libraries(retort_options INTERFACE nlohmann_json::nlohmann_json)
if(RETORT_SANITIZE)
  target_compile_options(retort_options INTERFACE -fsanitize=${RETORT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(retort_options INTERFACE -fsanitize=${RETORT_SANITIZE})
endif()

if(RETORT_FUZZ)
  target_compile_options(retort_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# retort_module(NAME [TORCH] [EXECUTABLE] [LINK ...] [HEADERS ...])
# Sources are globbed so that a new loss or combiner is one file and one line in its .def. HEADERS: header-only parts
# that the sources alone see; who uses an installed Retort needs none of them.
function(retort_module name)
  cmake_parse_arguments(arg "TORCH;EXECUTABLE" "" "LINK;HEADERS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  if(arg_EXECUTABLE)
    set(target retort)
    add_executable(retort ${sources})
  else()
    set(target retort_${name})
    add_library(${target} STATIC ${sources})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
    add_library(retort::${name} ALIAS ${target})
    set_property(GLOBAL APPEND PROPERTY RETORT_MODULES ${target})
  endif()
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  list(TRANSFORM arg_LINK REPLACE "^([a-z]+)$" "retort_\\1")
  target_link_libraries(${target} ${arg_LINK})
  foreach(part retort_options ${arg_HEADERS})
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${part}>)
  endforeach()
  if(arg_TORCH)
    target_link_libraries(${target} PUBLIC retort_torch)
    if(NOT RETORT_SANITIZE)
      retort_torch_headers(${target})
    endif()
  endif()
endfunction()

# retort_embed(TARGET NAME FILE): the text file as `const char* const NAME` in namespace retort.
function(retort_embed target name file)
  file(READ ${file} text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT "namespace retort {
extern const char* const @name@;
const char* const @name@ = R\"embedded(@text@)embedded\";
}  // namespace retort
")
  target_sources(${target} PRIVATE ${source})
endfunction()

# Torch's tensor header is 2 s of every file that sees it: precompiled once, for all that do.
function(retort_torch_headers target)
  if(target STREQUAL retort_network)
    target_precompile_headers(${target} PRIVATE <ATen/core/Tensor.h> <string> <vector> <map> <memory> <functional>)
  elseif(TARGET retort_network)
    target_precompile_headers(${target} REUSE_FROM retort_network)
  endif()
endfunction()
