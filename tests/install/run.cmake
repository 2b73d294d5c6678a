# cmake -DBUILD=... -DWORK=... -DSOURCE=... -DWHEELS=... ... -P run.cmake
# Installs BUILD into a new prefix, then configures, builds and runs the project in SOURCE against it.
file(REMOVE_RECURSE ${WORK})
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE})
endif()

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${BUILD} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE} -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER} -DRETORT_WHEELS=${WHEELS} ${flags})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/user)
if(EXISTS ${WORK}/prefix/bin/retort)
  run(${WORK}/prefix/bin/retort list models)
endif()
