// Python arguments to rows of doubles.
#pragma once
#include "bind.hpp"   // before any standard header, as Python.h asks

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "arrow.hpp"
#include "source.hpp"

namespace scoring {

// Doubles on the stack for rows of usual width, on the heap for wider ones.
class RowBuffer {
 public:
  explicit RowBuffer(int64_t count) {
    if (count > usual) more_.resize(static_cast<size_t>(count));
  }
  double* get() { return more_.empty() ? few_ : more_.data(); }

 private:
  static constexpr int64_t usual = 128;
  double few_[usual];
  std::vector<double> more_;
};

std::string type_name(PyObject* object);
bool is_sequence(PyObject* object);   // a list or a tuple

// A list or tuple of numbers and None (missing) to doubles. `names` are the inputs'.
void read_cells(PyObject* cells, const std::vector<std::string>& names, double* out);

// An array as the buffer protocol shows it: (rows, columns), or (columns,) for one row; float64 or float32, any strides.
class ArrayInput {
 public:
  ArrayInput(PyObject* array, int32_t columns);
  int64_t rows() const { return rows_; }
  const Matrix& matrix() const { return *matrix_; }

 private:
  Lent lent_;
  int64_t rows_ = 1;
  std::optional<Matrix> matrix_;
};

// What an object with __arrow_c_array__ (a record batch) or __arrow_c_stream__ (a table) exports.
class ArrowInput {
 public:
  ArrowInput(PyObject* object, const std::vector<std::string>& inputs);
  ~ArrowInput();
  ArrowInput(const ArrowInput&) = delete;
  ArrowInput& operator=(const ArrowInput&) = delete;
  const ArrowSource& source() const { return *source_; }

 private:
  void read_array(PyObject* object, const std::vector<std::string>& inputs);
  void read_stream(PyObject* object, const std::vector<std::string>& inputs);

  Owned schema_, array_;             // capsules, which release what they hold
  std::deque<ArrowArray> batches_;   // of a stream: ours to release
  std::optional<ArrowSource> source_;
};

}  // namespace scoring
