// The one exception of the engine: what is wrong with an input, in words for a person.
#pragma once
#include <stdexcept>
#include <string>

namespace scoring {

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace scoring
