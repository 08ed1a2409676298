// Decimal text of doubles, whatever the locale: read to the nearest double, written with the fewest digits that read back.
#pragma once
#include <string_view>

namespace scoring {

// The whole of `text` is a decimal number: sign, digits, point, digits, exponent, as Python's float() takes them, without
// underscores, inf and nan. A number too large becomes an infinity.
bool read_decimal(std::string_view text, double& value);

constexpr int decimal_room = 32;   // characters that any double takes at most

// Writes a finite number as Python's repr does (0.1, 1e-05, 1.0) and returns the end.
char* write_decimal(double value, char* out);

}  // namespace scoring
