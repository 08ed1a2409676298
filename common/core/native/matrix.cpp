#include <algorithm>
#include <cstring>

#include "source.hpp"

namespace scoring {

namespace {

template <class Number>
double load(const char* at) {   // by memcpy: the value may stand at any address
  Number value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

// Eight rows at a time: a matrix that lies row by row is read in eight streams, and each line of a column's cache is written once.
template <class Number>
void gather_strided(const char* data, int64_t row_stride, int64_t column_stride, int32_t inputs, int rows, double* const* columns) {
  constexpr int tile = 8;
  for (int begin = 0; begin < rows; begin += tile) {
    const char* at = data + begin * row_stride;
    const int count = std::min(tile, rows - begin);
    for (int32_t i = 0; i < inputs; ++i) {
      double* const out = columns[i];
      if (!out) continue;
      const char* from = at + i * column_stride;
      if (count == tile) {
        for (int r = 0; r < tile; ++r) out[begin + r] = load<Number>(from + r * row_stride);
      } else {
        for (int r = 0; r < count; ++r) out[begin + r] = load<Number>(from + r * row_stride);
      }
    }
  }
}

template <class Number>
void gather_columns(const char* data, int64_t column_stride, int32_t inputs, int rows, double* const* columns) {
  for (int32_t i = 0; i < inputs; ++i) {
    if (!columns[i]) continue;
    const char* from = data + i * column_stride;
    for (int r = 0; r < rows; ++r) columns[i][r] = load<Number>(from + r * static_cast<int64_t>(sizeof(Number)));
  }
}

template <class Number>
void gather_matrix(const char* data, int64_t row_stride, int64_t column_stride, int32_t inputs, int rows, double* const* columns) {
  if (row_stride == static_cast<int64_t>(sizeof(Number))) {
    gather_columns<Number>(data, column_stride, inputs, rows, columns);
  } else {
    gather_strided<Number>(data, row_stride, column_stride, inputs, rows, columns);
  }
}

}  // namespace

void Matrix::gather(int64_t first, int rows, double* const* columns) const {
  const char* from = data_ + first * row_stride_;
  if (single_) {
    gather_matrix<float>(from, row_stride_, column_stride_, columns_, rows, columns);
  } else {
    gather_matrix<double>(from, row_stride_, column_stride_, columns_, rows, columns);
  }
}

const double* Matrix::row(int64_t row) const {
  const char* at = data_ + row * row_stride_;
  const bool side_by_side = !single_ && (column_stride_ == static_cast<int64_t>(sizeof(double)) || columns_ == 1);
  if (!side_by_side || reinterpret_cast<uintptr_t>(at) % alignof(double) != 0) return nullptr;
  return reinterpret_cast<const double*>(at);
}

}  // namespace scoring
