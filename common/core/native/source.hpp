// Where rows come from: a matrix in somebody's memory, or Arrow columns.
#pragma once
#include <cstdint>

namespace scoring {

class Source {
 public:
  virtual ~Source() = default;

  // Writes `rows` values of each wanted input, from row `first` on: columns[i] gets input i; null for one that nobody reads.
  // Safe to call from many threads at once.
  virtual void gather(int64_t first, int rows, double* const* columns) const = 0;

  // The row itself where memory holds it as doubles side by side, otherwise nullptr.
  virtual const double* row(int64_t) const { return nullptr; }
};

// A matrix of doubles or floats with any strides, also negative or 0, and any alignment.
class Matrix final : public Source {
 public:
  Matrix(const void* data, int32_t columns, int64_t row_stride, int64_t column_stride, bool single)   // strides in bytes
      : data_(static_cast<const char*>(data)),
        row_stride_(row_stride),
        column_stride_(column_stride),
        columns_(columns),
        single_(single) {}

  void gather(int64_t first, int rows, double* const* columns) const override;
  const double* row(int64_t row) const override;

 private:
  const char* data_;
  int64_t row_stride_, column_stride_;
  int32_t columns_;
  bool single_;   // float, not double
};

}  // namespace scoring
