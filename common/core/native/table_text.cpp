#include "table_text.hpp"

#include <cmath>
#include <cstring>

#include "decimal.hpp"

namespace scoring {

namespace {

void write_word(double value, TextStyle style, std::string& out) {
  const bool csv = style == TextStyle::csv;
  if (value != value) {
    if (!csv) out += "null";
    return;
  }
  if (!csv) out += '"';
  out += value > 0 ? "Infinity" : "-Infinity";
  if (!csv) out += '"';
}

}  // namespace

void write_row(const char* row, int64_t stride, int64_t count, TextStyle style, std::string& out) {
  for (int64_t k = 0; k < count; ++k, row += stride) {
    if (k > 0) out += ',';
    double value;
    std::memcpy(&value, row, sizeof value);   // it may stand at any address
    if (!std::isfinite(value)) {
      write_word(value, style, out);
      continue;
    }
    char text[decimal_room + 2];
    char* end = text;
    if (style == TextStyle::quoted) *end++ = '"';
    end = write_decimal(value, end);
    if (style == TextStyle::quoted) *end++ = '"';
    out.append(text, static_cast<size_t>(end - text));
  }
}

}  // namespace scoring
