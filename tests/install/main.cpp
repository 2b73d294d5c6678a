// Uses the installed package as a user would: public headers, no LibTorch in sight, the linker needs all of it.
#include <retort/retort.h>

#include <iostream>

int main() {
  std::cout << retort::list_models().size() << " models\n";
  try {
    retort::train({.model = "no_such_model", .out = "never_written"});
  } catch (const retort::Error& error) {
    std::cout << error.what() << '\n';
    return error.kind() == retort::Error::Kind::usage ? 0 : 1;
  }
  return 1;
}
