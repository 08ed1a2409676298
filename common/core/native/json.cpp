#include "json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "fault.hpp"
#include "numbers.hpp"

namespace scoring {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json document() {
    Json value = read(0);
    blanks();
    if (at_ < text_.size()) refuse("text after the end of the document");
    return value;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t start = before.rfind('\n');
    const size_t column = start == std::string_view::npos ? before.size() + 1 : before.size() - start;
    throw Fault("JSON, line " + std::to_string(line) + " column " + std::to_string(column) + ": " + what);
  }

  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }   // a real NUL fits no rule either

  void expect(char c) {
    if (peek() != c || at_ >= text_.size())
      refuse(at_ < text_.size() ? std::string("expected '") + c + "'" : "the text ends too early");
    ++at_;
  }

  bool accept(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Json read(int depth) {   // recursion ends at json_depth
    blanks();
    if (++values_ > json_values)
      refuse("more than " + std::to_string(json_values) + " values that are not plain numbers in arrays");
    Json value;
    switch (peek()) {
      case '{': read_object(value, depth + 1); break;
      case '[': read_array(value, depth + 1); break;
      case '"':
        value.kind = Json::Kind::string;
        value.string = read_string();
        break;
      default:
        if (accept("null")) break;
        if (accept("true")) {
          value.kind = Json::Kind::boolean;
          value.boolean = true;
        } else if (accept("false")) {
          value.kind = Json::Kind::boolean;
        } else {
          value.kind = Json::Kind::number;
          value.number = read_number();
        }
    }
    return value;
  }

  void read_object(Json& value, int depth) {
    if (depth > json_depth) refuse("nested deeper than " + std::to_string(json_depth));
    value.kind = Json::Kind::object;
    expect('{');
    blanks();
    if (peek() == '}') {
      ++at_;
      return;
    }
    for (;;) {
      blanks();
      if (peek() != '"') refuse("expected a key in double quotes");
      std::string key = read_string();
      if (value.find(key)) refuse("key \"" + key + "\" stands twice in one object");
      if (value.object.size() >= 64) refuse("an object with more than 64 keys");   // ours have 7: keeps the check for twins cheap
      blanks();
      expect(':');
      Json member = read(depth);
      value.object.emplace_back(std::move(key), std::move(member));
      blanks();
      if (peek() == '}') break;
      expect(',');
    }
    ++at_;
  }

  void read_array(Json& value, int depth) {
    if (depth > json_depth) refuse("nested deeper than " + std::to_string(json_depth));
    value.kind = Json::Kind::numbers;
    expect('[');
    blanks();
    if (peek() == ']') {
      ++at_;
      return;
    }
    for (;;) {
      blanks();
      const char c = peek();
      if (value.kind == Json::Kind::numbers && (c == '-' || (c >= '0' && c <= '9'))) {
        value.numbers.push_back(read_number());
      } else if (value.kind == Json::Kind::numbers && accept("null")) {
        value.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
      } else {
        if (value.kind == Json::Kind::numbers) spread(value);
        value.array.push_back(read(depth));
      }
      blanks();
      if (peek() == ']') break;
      expect(',');
    }
    ++at_;
  }

  // The first element that is no number turns a flat array into a general one.
  static void spread(Json& value) {
    value.kind = Json::Kind::array;
    for (const double number : value.numbers) {
      Json& element = value.array.emplace_back();
      if (std::isnan(number)) continue;
      element.kind = Json::Kind::number;
      element.number = number;
    }
    value.numbers = {};
  }

  bool digits() {
    const size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }

  double read_number() {
    const size_t start = at_;
    if (peek() == '-') ++at_;
    const bool zero = peek() == '0';
    if (!digits()) {
      at_ = start;
      if (at_ >= text_.size()) refuse("the text ends too early");
      refuse("expected a value");
    }
    const size_t whole = at_ - start - (text_[start] == '-');
    if (zero && whole > 1) refuse("a number must not begin with 0");
    if (peek() == '.') {
      ++at_;
      if (!digits()) refuse("expected a digit after the decimal point");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) refuse("expected a digit in the exponent");
    }
    double number = 0.0;
    std::string_view token = text_.substr(start, at_ - start);
    if (take(token, number) != Scan::number || !std::isfinite(number)) {
      refuse("number " + std::string(text_.substr(start, std::min<size_t>(at_ - start, 40))) + " is out of the range of a double");
    }
    return number;
  }

  uint32_t read_hex() {
    if (text_.size() - at_ < 4) refuse("\\u needs four hexadecimal digits");
    uint32_t unit = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, unit, 16);
    if (result.ec != std::errc() || result.ptr != text_.data() + at_ + 4) refuse("\\u needs four hexadecimal digits");
    at_ += 4;
    return unit;
  }

  void read_escape(std::string& out) {
    if (at_ >= text_.size()) refuse("a string without an end");
    const char c = text_[at_++];
    switch (c) {
      case '"':
      case '\\':
      case '/': out += c; return;
      case 'b': out += '\b'; return;
      case 'f': out += '\f'; return;
      case 'n': out += '\n'; return;
      case 'r': out += '\r'; return;
      case 't': out += '\t'; return;
      case 'u': break;
      default: refuse("unknown escape in a string");
    }
    uint32_t point = read_hex();
    if (point >= 0xDC00 && point < 0xE000) refuse("a low surrogate without its high one");
    if (point >= 0xD800 && point < 0xDC00) {
      if (!accept("\\u")) refuse("a high surrogate without its low one");
      const uint32_t low = read_hex();
      if (low < 0xDC00 || low >= 0xE000) refuse("a high surrogate without its low one");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    if (point < 0x80) {
      out += static_cast<char>(point);
    } else if (point < 0x800) {
      out += static_cast<char>(0xC0 | (point >> 6));
      out += static_cast<char>(0x80 | (point & 63));
    } else if (point < 0x10000) {
      out += static_cast<char>(0xE0 | (point >> 12));
      out += static_cast<char>(0x80 | ((point >> 6) & 63));
      out += static_cast<char>(0x80 | (point & 63));
    } else {
      out += static_cast<char>(0xF0 | (point >> 18));
      out += static_cast<char>(0x80 | ((point >> 12) & 63));
      out += static_cast<char>(0x80 | ((point >> 6) & 63));
      out += static_cast<char>(0x80 | (point & 63));
    }
  }

  std::string read_string() {
    expect('"');
    std::string out;
    for (;;) {
      size_t end = at_;   // plain text goes over in one piece
      while (end < text_.size() && text_[end] != '"' && text_[end] != '\\' && static_cast<unsigned char>(text_[end]) >= 0x20) ++end;
      out.append(text_.substr(at_, end - at_));
      at_ = end;
      if (at_ >= text_.size()) refuse("a string without an end");
      if (text_[at_] == '"') break;
      if (text_[at_] != '\\') refuse("a control character in a string");
      ++at_;
      read_escape(out);
    }
    ++at_;
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  int32_t values_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : object) {
    if (name == key) return &value;
  }
  return nullptr;
}

const char* Json::kind_name() const {
  switch (kind) {
    case Kind::null: return "null";
    case Kind::boolean: return "true or false";
    case Kind::number: return "a number";
    case Kind::string: return "a string";
    case Kind::numbers: return "an array of numbers";
    case Kind::array: return "an array";
    default: return "an object";
  }
}

Json read_json(std::string_view text) { return Reader(text).document(); }

}  // namespace scoring
