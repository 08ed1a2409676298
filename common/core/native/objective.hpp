// The objective line of a model: which function turns raw scores into outputs.
#pragma once
#include <string_view>

#include "model.hpp"

namespace scoring {

// `text` is the value of the header's objective key; empty when there is none (a custom objective). Throws Fault.
Objective read_objective(std::string_view text, int32_t outputs);

}  // namespace scoring
