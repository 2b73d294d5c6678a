# install(): public headers, module libraries, the program, and a package for find_package(retort).

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/retort)
get_property(modules GLOBAL PROPERTY RETORT_MODULES)

install(DIRECTORY include/retort DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS ${modules} EXPORT retortTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET retort)
  install(TARGETS retort RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(EXPORT retortTargets NAMESPACE retort:: DESTINATION ${package_dir})
configure_package_config_file(cmake/retortConfig.cmake.in ${PROJECT_BINARY_DIR}/retortConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may break what stands on the old one.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/retortConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/retortConfig.cmake ${PROJECT_BINARY_DIR}/retortConfigVersion.cmake
  cmake/RetortTorch.cmake cmake/RetortOpenVINO.cmake cmake/RetortLbfgs.cmake cmake/RetortCodecs.cmake DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
