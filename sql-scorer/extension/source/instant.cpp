#include "instant.hpp"

#include <cmath>
#include <cstdint>

namespace scoring {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `count` digits off the front.
bool digits(std::string_view& text, int count, int64_t& value) {
  if (text.size() < static_cast<size_t>(count)) return false;
  value = 0;
  for (int i = 0; i < count; ++i) {
    if (!is_digit(text[static_cast<size_t>(i)])) return false;
    value = value * 10 + (text[static_cast<size_t>(i)] - '0');
  }
  text.remove_prefix(static_cast<size_t>(count));
  return true;
}

bool accept(std::string_view& text, std::string_view any) {
  if (text.empty() || any.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool valid(int64_t year, int64_t month, int64_t day) {
  constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  return day <= lengths[month - 1] + (month == 2 && leap(year));
}

// Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, which puts the leap day last.
int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
  const int64_t shifted = month > 2 ? year : year - 1;
  const int64_t since_march = month > 2 ? month - 3 : month + 9;
  return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * since_march + 2) / 5 + day - 1 - 719468;
}

struct Clock {
  int64_t whole = 0, fraction = 0, scale = 1;
};

bool read_clock(std::string_view& text, Clock& clock) {
  int64_t hour = 0, minute = 0, second = 0;
  if (!digits(text, 2, hour) || !accept(text, ":") || !digits(text, 2, minute)) return false;
  if (accept(text, ":")) {
    if (!digits(text, 2, second)) return false;
    if (accept(text, ".,")) {
      if (text.empty() || !is_digit(text.front())) return false;
      for (int kept = 0; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        if (kept++ >= 9) continue;   // beyond nanoseconds
        clock.fraction = clock.fraction * 10 + (text.front() - '0');
        clock.scale *= 10;
      }
    }
  }
  clock.whole = hour * 3600 + minute * 60 + second;
  return hour < 24 && minute < 60 && second < 60;
}

// What remains of the text is a zone, or nothing.
bool read_zone(std::string_view text, int64_t& offset) {
  if (text.empty()) return true;
  if (text.front() == ' ') text.remove_prefix(1);
  if (accept(text, "Zz")) return text.empty();
  const bool west = !text.empty() && text.front() == '-';
  int64_t hour = 0, minute = 0;
  if (!accept(text, "+-") || !digits(text, 2, hour)) return false;
  if (!text.empty()) {
    accept(text, ":");
    if (!digits(text, 2, minute)) return false;
  }
  offset = (hour * 3600 + minute * 60) * (west ? -1 : 1);
  return text.empty() && hour < 24 && minute < 60;
}

}  // namespace

double nearest_ratio(__int128 above, int64_t below) {
  constexpr __int128 exact = __int128{1} << 53;   // up to here a double holds every whole number, and one division rounds once
  if (above < exact && above > -exact) return static_cast<double>(above) / static_cast<double>(below);
  // At least 61 bits of the quotient, the last of which tells that there are more: rounding to 53 then sees all of them.
  constexpr int shift = 38;
  const __int128 wide = above * (__int128{1} << shift);
  __int128 quotient = wide / below;
  if (wide % below != 0) quotient |= 1;
  return std::ldexp(static_cast<double>(quotient), -shift);
}

bool read_instant(std::string_view text, double& seconds) {
  int64_t year = 0, month = 0, day = 0, offset = 0;
  if (!digits(text, 4, year) || !accept(text, "-") || !digits(text, 2, month) || !accept(text, "-") || !digits(text, 2, day))
    return false;
  if (!valid(year, month, day)) return false;
  Clock clock;
  if (!text.empty() && (!accept(text, "Tt ") || !read_clock(text, clock) || !read_zone(text, offset))) return false;
  const int64_t whole = days_since_1970(year, month, day) * 86400 + clock.whole - offset;
  seconds = nearest_ratio(static_cast<__int128>(whole) * clock.scale + clock.fraction, clock.scale);
  return true;
}

}  // namespace scoring
