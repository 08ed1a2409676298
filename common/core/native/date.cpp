#include <cmath>
#include <cstdint>

#include "kernel.hpp"

namespace scoring {

namespace {

constexpr int64_t day_seconds = 86400;
constexpr double date_limit = 9007199254740992.0;   // 2^53 seconds, 285 million years: every whole second is exact up to here

constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

struct Day {
  int64_t year;
  int month, day;   // from 1
};

// Proleptic Gregorian calendar. Years are counted from 1 March, which puts the leap day last, in cycles of 400 years (146097 days).
Day civil(int64_t days) {
  const int64_t shifted = days + 719468;   // 1970-01-01 is this many days after 0000-03-01
  const int64_t cycle = floor_div(shifted, 146097);
  const int64_t in_cycle = shifted - cycle * 146097;
  const int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
  const int64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
  const int64_t march_month = (5 * in_year + 2) / 153;   // months alternate 31, 30 in runs of five (153 days)
  const int day = static_cast<int>(in_year - (153 * march_month + 2) / 5) + 1;
  const int month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {cycle * 400 + year + (month <= 2), month, day};
}

bool leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int day_of_year(const Day& date) {
  constexpr int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  return before[date.month - 1] + date.day + (date.month > 2 && leap(date.year));
}

}  // namespace

double date_part(double seconds, Part part) {
  if (!(std::fabs(seconds) <= date_limit)) return missing_value;   // missing, infinite or out of any calendar
  const auto whole = static_cast<int64_t>(std::floor(seconds));
  const int64_t days = floor_div(whole, day_seconds);
  const int64_t in_day = whole - days * day_seconds;
  switch (part) {
    case Part::hour: return static_cast<double>(in_day / 3600);
    case Part::minute: return static_cast<double>(in_day / 60 % 60);
    case Part::weekday: return static_cast<double>(((days + 3) % 7 + 7) % 7);   // 1970-01-01 was a Thursday
    default: break;
  }
  const Day date = civil(days);
  switch (part) {
    case Part::year: return static_cast<double>(date.year);
    case Part::month: return date.month;
    case Part::day: return date.day;
    case Part::dayofyear: return day_of_year(date);
    default: return day_of_year(date) / 7;
  }
}

}  // namespace scoring
