#include "rows.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "decimal.hpp"

namespace scoring {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t longest_number = 300;    // characters; Python refuses whole numbers of more than 4300 digits
constexpr size_t longest_cell = 100'000;   // Python's csv refuses cells of more than 131,072 characters

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads the cells of JSON arrays; every function is false where the text is not plain.
class JsonCells {
 public:
  explicit JsonCells(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool wide() const { return wide_; }
  bool at_end() const { return at_ == end_; }

  bool expect(char c) {
    if (at_ != end_ && *at_ == c) {   // most bodies have no blanks
      ++at_;
      return true;
    }
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool cell(const CellReader* reader, double& out) {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    if (at_ == end_) return false;
    switch (*at_) {
      case '"': {
        std::string_view text;
        return string(text) && (!reader || reader->string(text, out));
      }
      case 'n': out = nan; return accept("null");
      case 't': return accept("true") && (!reader || reader->truth(true, out));
      case 'f': return accept("false") && (!reader || reader->truth(false, out));
      case 'N': return accept("NaN") && (!reader || reader->number(nan, out));
      default: return number(reader, out);
    }
  }

 private:
  bool accept(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }

  const char* digits(const char* at) const {
    while (at != end_ && is_digit(*at)) ++at;
    return at;
  }

  bool number(const CellReader* reader, double& out) {
    const char* const first = at_;
    const char* at = at_ + (*at_ == '-');
    const char* const whole = at;
    at = digits(at);
    if (at == whole || (*whole == '0' && at - whole > 1)) return false;
    bool is_whole = true;
    if (at != end_ && *at == '.') {
      is_whole = false;
      const char* const fraction = ++at;
      at = digits(at);
      if (at == fraction) return false;
    }
    if (at != end_ && (*at == 'e' || *at == 'E')) {
      is_whole = false;
      ++at;
      if (at != end_ && (*at == '-' || *at == '+')) ++at;
      const char* const exponent = at;
      at = digits(at);
      if (at == exponent) return false;
    }
    const std::string_view token(first, static_cast<size_t>(at - first));
    double value = 0.0;
    if (token.size() > longest_number || !read_decimal(token, value) || !std::isfinite(value)) return false;
    at_ = at;
    if (!reader) return true;
    if (!is_whole) return reader->number(value, out);
    return reader->whole(token, value == 0.0 ? 0.0 : value, out);   // a whole number has no negative zero
  }

  bool string(std::string_view& text) {
    const char* const first = ++at_;
    for (; at_ != end_; ++at_) {
      const char c = *at_;
      if (c == '"') {
        text = {first, static_cast<size_t>(at_ - first)};
        ++at_;
        return true;
      }
      if (c == '\\') return escaped_string(first, text);
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (static_cast<unsigned char>(c) >= 0x80) wide_ = true;
    }
    return false;
  }

  bool escaped_string(const char* first, std::string_view& text) {
    scratch_.assign(first, at_);
    for (; at_ != end_; ++at_) {
      const char c = *at_;
      if (c == '"') {
        text = scratch_;
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (static_cast<unsigned char>(c) >= 0x80) wide_ = true;
      if (c != '\\') {
        scratch_ += c;
      } else if (++at_ == end_ || !escape(*at_)) {
        return false;
      }
    }
    return false;
  }

  bool escape(char c) {
    switch (c) {
      case '"':
      case '\\':
      case '/': scratch_ += c; return true;
      case 'b': scratch_ += '\b'; return true;
      case 'f': scratch_ += '\f'; return true;
      case 'n': scratch_ += '\n'; return true;
      case 'r': scratch_ += '\r'; return true;
      case 't': scratch_ += '\t'; return true;
      case 'u': return code_point();
      default: return false;
    }
  }

  // One of four hexadecimal digits; halves of a pair are left to Python.
  bool code_point() {
    if (end_ - at_ < 6) return false;
    uint32_t point = 0;
    const auto read = std::from_chars(at_ + 1, at_ + 5, point, 16);
    if (read.ec != std::errc() || read.ptr != at_ + 5 || (point >= 0xD800 && point < 0xE000)) return false;
    at_ += 4;
    if (point < 0x80) {
      scratch_ += static_cast<char>(point);
    } else if (point < 0x800) {
      scratch_ += static_cast<char>(0xC0 | point >> 6);
      scratch_ += static_cast<char>(0x80 | (point & 63));
    } else {
      scratch_ += static_cast<char>(0xE0 | point >> 12);
      scratch_ += static_cast<char>(0x80 | (point >> 6 & 63));
      scratch_ += static_cast<char>(0x80 | (point & 63));
    }
    return true;
  }

  const char* at_;
  const char* end_;
  bool wide_ = false;
  std::string scratch_;
};

}  // namespace

bool RowReader::json(std::string_view text, int64_t rows, double* out, bool& wide) const {
  JsonCells cells(text);
  if (!cells.expect('[')) return false;
  double ignored = 0.0;
  for (int64_t row = 0; row < rows; ++row, out += inputs_) {
    if (!cells.expect('[')) return false;
    for (size_t k = 0; k < places_.size(); ++k) {
      const RowPlace place = places_[k];
      if (k > 0 && !cells.expect(',')) return false;
      if (!cells.cell(place.reader, place.reader ? out[place.input] : ignored)) return false;
    }
    if (!cells.expect(']') || !cells.expect(row + 1 < rows ? ',' : ']')) return false;
  }
  wide = cells.wide();
  return rows > 0 && cells.at_end();
}

int64_t RowReader::count_lines(std::string_view text) {
  int64_t lines = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines += end > at && !(end == at + 1 && text[at] == '\r');
    at = end + 1;
  }
  return lines;
}

bool RowReader::csv(std::string_view text, double* out) const {
  const size_t width = places_.size();
  double ignored = 0.0;
  for (size_t at = 0; at < text.size();) {
    const size_t stop = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, stop - at);
    at = stop + 1;
    if (!line.empty() && line.back() == '\r' && stop < text.size()) line.remove_suffix(1);
    if (line.empty()) continue;
    for (size_t k = 0; k < width; ++k) {
      size_t end = 0;
      for (; end < line.size() && line[end] != ','; ++end) {
        if (line[end] == '\r' || line[end] == '"') return false;
      }
      if ((end == line.size()) != (k + 1 == width) || end > longest_cell) return false;
      const RowPlace place = places_[k];
      if (place.reader && !place.reader->string(line.substr(0, end), place.reader ? out[place.input] : ignored)) return false;
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    out += inputs_;
  }
  return true;
}

}  // namespace scoring
