# install(): headers, module libraries, the program, and a package for find_package(retort).
