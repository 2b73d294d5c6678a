#include "train/failure.h"

#include <c10/util/Exception.h>

namespace retort {

Error present_failure(const std::string& verb) {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    return Error(verb, str("LibTorch failed: ", text.substr(0, text.find('\n')),
                           "; where memory ran out, try a smaller --batch"));
  } catch (const std::exception& error) {  // out of memory
    return Error(verb, error.what());
  }
}

}  // namespace retort
