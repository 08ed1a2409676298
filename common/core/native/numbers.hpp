// Blank-separated numbers out of one line of text, checked and independent of the locale.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace scoring {

enum class Scan : uint8_t { number, end, damaged };

// Takes the next number off the front of `text`. A number must be followed by a blank or the end of the text.
Scan take(std::string_view& text, double& value);
Scan take(std::string_view& text, int64_t& value);

// The whole of `text` is one number and nothing else.
bool whole(std::string_view text, int64_t& value);

}  // namespace scoring
