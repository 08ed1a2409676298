#include "numbers.hpp"

#include <charconv>
#include <clocale>
#include <cstdlib>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#if defined(__APPLE__)
#include <xlocale.h>
#endif

namespace scoring {
namespace {

void skip_blanks(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

template <class Number>
struct Parsed {
  const char* end;   // where the number stops; equal to the start when there is none
  Number value;
};

template <class Number, class = void>
struct has_from_chars : std::false_type {};
template <class Number>
struct has_from_chars<Number, std::void_t<decltype(std::from_chars(std::declval<const char*>(), std::declval<const char*>(),
                                                                   std::declval<Number&>()))>> : std::true_type {};

// Values that a double cannot hold are rounded as strtod does it: to infinity or towards zero.
Parsed<double> slow_double(const char* first, const char* last) {
  const char* stop = first;
  while (stop != last && *stop != ' ') ++stop;
  const std::string token(first, stop);
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  char* end = nullptr;
  const double value = strtod_l(token.c_str(), &end, c_locale);
  return {first + (end - token.c_str()), value};
}

// A template, so that a standard library without from_chars for doubles (older libc++) still compiles.
template <class Number>
Parsed<Number> parse(const char* first, const char* last) {
  if constexpr (has_from_chars<Number>::value) {
    Number value{};
    const auto [end, error] = std::from_chars(first, last, value);
    if (error == std::errc()) return {end, value};
    if (error == std::errc::invalid_argument) return {first, value};
    if constexpr (!std::is_floating_point_v<Number>) return {first, value};
  }
  if constexpr (std::is_floating_point_v<Number>) return slow_double(first, last);
}

template <class Number>
Scan take_number(std::string_view& text, Number& value) {
  skip_blanks(text);
  if (text.empty()) return Scan::end;
  const char* const first = text.data();
  const char* const last = first + text.size();
  const Parsed<Number> parsed = parse<Number>(first, last);
  if (parsed.end == first || (parsed.end != last && *parsed.end != ' ')) return Scan::damaged;
  value = parsed.value;
  text.remove_prefix(static_cast<size_t>(parsed.end - first));
  return Scan::number;
}

}  // namespace

Scan take(std::string_view& text, double& value) { return take_number(text, value); }
Scan take(std::string_view& text, int64_t& value) { return take_number(text, value); }

bool whole(std::string_view text, int64_t& value) {
  if (take(text, value) != Scan::number) return false;
  skip_blanks(text);
  return text.empty();
}

}  // namespace scoring
