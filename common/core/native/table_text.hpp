// Matrices as text: the numbers of an answer, each with the fewest digits that read back as the same double.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace scoring {

// How a number is written. NaN is null in JSON and nothing in CSV; the infinities are the words Infinity and -Infinity.
enum class TextStyle : uint8_t {
  quoted,   // JSON, numbers as strings
  typed,    // JSON, numbers as numbers
  csv,
};

// Appends the numbers of a row, commas between them. `stride` is in bytes.
void write_row(const char* row, int64_t stride, int64_t count, TextStyle style, std::string& out);

}  // namespace scoring
