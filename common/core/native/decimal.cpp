#include "decimal.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <type_traits>
#include <utility>

#include "numbers.hpp"

namespace scoring {

namespace {

constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};   // all of them exact

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes digits into `number`, which wraps around after 19 of them.
const char* take_digits(const char* at, const char* end, uint64_t& number) {
  for (; at != end && is_digit(*at); ++at) number = number * 10 + static_cast<uint64_t>(*at - '0');
  return at;
}

// A number as 0 to 17 digits, the first of them before the point, and a power of ten.
struct Digits {
  char text[decimal_room];
  int count = 0;
  int power = 0;
};

// Takes "d.ddde+pp" apart, whatever stands for the point.
void take_apart(const char* first, const char* last, Digits& digits) {
  const char* at = first;
  for (; at != last && *at != 'e'; ++at) {
    if (is_digit(*at)) digits.text[digits.count++] = *at;
  }
  if (at == last) return;
  const bool negative = *++at == '-';
  for (++at; at != last; ++at) digits.power = digits.power * 10 + (*at - '0');
  if (negative) digits.power = -digits.power;
}

bool means(const Digits& digits, double value) {
  char text[2 * decimal_room];
  const int size = std::snprintf(text, sizeof text, "%.*se%d", digits.count, digits.text, digits.power - digits.count + 1);
  double found = 0.0;
  return read_decimal({text, static_cast<size_t>(size)}, found) && found == value;
}

// For a standard library that cannot write the shortest digits: the fewest that read back are looked for one by one. Next to a
// power of two the right digits may be a neighbour of the nearest ones.
[[maybe_unused]] void search_digits(double value, Digits& digits) {
  for (int count = 1; count <= 17; ++count) {
    char text[2 * decimal_room];
    const int size = std::snprintf(text, sizeof text, "%.*e", count - 1, value);
    digits = {};
    take_apart(text, text + size, digits);
    if (means(digits, value)) return;
    char& last = digits.text[digits.count - 1];
    const char nearest = last;
    if (count >= 15 && nearest != '9') {
      last = static_cast<char>(nearest + 1);
      if (means(digits, value)) return;
    }
    if (count >= 15 && nearest != '0') {
      last = static_cast<char>(nearest - 1);
      if (means(digits, value)) return;
    }
    last = nearest;
  }
}

// Apple's standard library has the function but not on every system that it is told to build for.
#if defined(_LIBCPP_AVAILABILITY_HAS_TO_CHARS_FLOATING_POINT) && !_LIBCPP_AVAILABILITY_HAS_TO_CHARS_FLOATING_POINT
template <class Number, class = void>
struct has_to_chars : std::false_type {};
#else
template <class Number, class = void>
struct has_to_chars : std::false_type {};
template <class Number>
struct has_to_chars<Number, std::void_t<decltype(std::to_chars(std::declval<char*>(), std::declval<char*>(),
                                                               std::declval<Number>(), std::chars_format::scientific))>>
    : std::true_type {};
#endif

// A template, so that a standard library without to_chars for doubles still compiles.
template <class Number>
void shortest_digits(Number value, Digits& digits) {
  if constexpr (has_to_chars<Number>::value) {
    char text[decimal_room];
    const auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    take_apart(text, written.ptr, digits);
  } else {
    search_digits(value, digits);
  }
}

char* put(char* out, const char* text, int count) {
  std::memcpy(out, text, static_cast<size_t>(count));
  return out + count;
}

char* put_zeros(char* out, int count) {
  std::memset(out, '0', static_cast<size_t>(count));
  return out + count;
}

char* write_exponent(int power, char* out) {
  *out++ = 'e';
  *out++ = power < 0 ? '-' : '+';
  const int size = std::abs(power);
  if (size >= 100) *out++ = static_cast<char>('0' + size / 100);
  *out++ = static_cast<char>('0' + size / 10 % 10);
  *out++ = static_cast<char>('0' + size % 10);
  return out;
}

}  // namespace

bool read_decimal(std::string_view text, double& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end) return false;
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  const char* const unsigned_part = at;
  uint64_t mantissa = 0;
  at = take_digits(at, end, mantissa);
  int64_t digits = at - unsigned_part;
  int64_t power = 0;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = take_digits(at, end, mantissa);
    power = fraction - at;
    digits -= power;
  }
  if (digits == 0) return false;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    const bool below = at != end && *at == '-';
    if (below || (at != end && *at == '+')) ++at;
    const char* const exponent = at;
    uint64_t size = 0;
    at = take_digits(at, end, size);
    if (at == exponent) return false;
    if (at - exponent > 5) size = 99999;   // as good as any number: the careful way decides
    power += below ? -static_cast<int64_t>(size) : static_cast<int64_t>(size);
  }
  if (at != end) return false;
  constexpr uint64_t exact = uint64_t{1} << 53;
  if (digits <= 19 && mantissa <= exact && power >= -22 && power <= 22) {
    // Both operands are exact, so that one operation rounds to the nearest double.
    const double whole = static_cast<double>(mantissa);
    const double found = power < 0 ? whole / powers[-power] : whole * powers[power];
    value = negative ? -found : found;
    return true;
  }
  std::string_view rest(negative ? unsigned_part - 1 : unsigned_part,
                        static_cast<size_t>(end - unsigned_part) + (negative ? 1 : 0));
  return take(rest, value) == Scan::number && rest.empty();
}

char* write_decimal(double value, char* out) {
  if (std::signbit(value)) *out++ = '-';
  Digits digits;
  shortest_digits(std::fabs(value), digits);
  const int count = digits.count, power = digits.power;
  if (power < -4 || power >= 16) {
    *out++ = digits.text[0];
    if (count > 1) {
      *out++ = '.';
      out = put(out, digits.text + 1, count - 1);
    }
    return write_exponent(power, out);
  }
  if (power < 0) {
    out = put(out, "0.", 2);
    out = put_zeros(out, -power - 1);
    return put(out, digits.text, count);
  }
  const int whole = power + 1;
  if (count <= whole) {
    out = put(out, digits.text, count);
    out = put_zeros(out, whole - count);
    return put(out, ".0", 2);
  }
  out = put(out, digits.text, whole);
  *out++ = '.';
  return put(out, digits.text + whole, count - whole);
}

}  // namespace scoring
