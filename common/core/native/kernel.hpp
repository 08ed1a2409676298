// The arithmetic of the transform graph: each operation once for a single value, and over a column by the very same expression,
// so that a row and a block cannot differ in a bit.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

#include "program.hpp"

namespace scoring {

constexpr double missing_value = std::numeric_limits<double>::quiet_NaN();

inline bool is_missing(double x) { return x != x; }

inline double divided(double a, double b) { return b == 0.0 ? missing_value : a / b; }

inline double standardized(double x, double fill, double center, double scale) {
  return ((is_missing(x) ? fill : x) - center) / scale;
}

inline double clipped(double x, double low, double high) { return x < low ? low : (x > high ? high : x); }

inline double equals(double x, double value) { return x == value ? 1.0 : 0.0; }

inline double filled(double x, double value) { return is_missing(x) ? value : x; }

// `table` holds `size` values, then the one for unseen codes, then the one for a missing code. A fraction is cut off, as LightGBM does.
inline double looked_up(double x, const double* table, int32_t size) {
  const double seen = x >= 0.0 && x < size ? x : size;
  return table[static_cast<int32_t>(is_missing(x) ? size + 1.0 : seen)];
}

inline double matched(double x, const Node& node) {
  if (is_missing(x)) return node.missing;
  const double* at = node.keys.data();
  size_t count = node.keys.size();
  if (count == 0) return node.unseen;
  while (count > 1) {   // no branch on the data: the compiler makes it a conditional move
    const size_t half = count / 2;
    at += at[half] <= x ? half : 0;
    count -= half;
  }
  return *at == x ? node.values[static_cast<size_t>(at - node.keys.data())] : node.unseen;
}

double date_part(double seconds, Part part);

inline double arithmetic(Op op, double a, double b) {
  switch (op) {
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::mul: return a * b;
    default: return divided(a, b);
  }
}

// The loops over `rows` values. `out` overlaps no operand.
struct Kernel {
  // `b` may be null, then `by` stands for it.
  void (*arithmetic)(Op op, const double* a, const double* b, double by, double* out, int rows);
  // An operand of a projection.
  void (*standardize)(const double* x, double fill, double center, double scale, double* out, int rows);
  // Its part of one result: out += z * weight.
  void (*weigh)(const double* z, double weight, double* out, int rows);
  // lookup, match, equal, isnan, fill, clip, date
  void (*unary)(const Node& node, const double* x, double* out, int rows);
};

const Kernel& kernel();   // for the instructions that this machine has: the same bits on each

double unary(const Node& node, double x);

}  // namespace scoring
