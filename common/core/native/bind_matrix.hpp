// scoring._engine.Matrix: rows of doubles that the engine owns, seen by others through the buffer protocol.
#pragma once
#include "bind.hpp"   // before any standard header, as Python.h asks

#include <cstdint>

namespace scoring {

// What the module keeps for its types and functions.
struct ModuleState {
  PyObject* matrix_type;
  PyObject* cells_type;
};

ModuleState& state_of_type(PyTypeObject* type);   // of a type of this module

// A new matrix (rows, columns), row by row; its numbers are not set. `data` is where they are.
Owned new_matrix(PyObject* type, int64_t rows, int64_t columns, double** data);

// A two-dimensional array of float64 as the buffer protocol shows it, with any strides.
class ArrayView {
 public:
  explicit ArrayView(PyObject* array);
  int64_t rows() const { return lent_.view().shape[0]; }
  int64_t columns() const { return lent_.view().shape[1]; }
  int64_t column_stride() const { return lent_.view().strides[1]; }
  const char* row(int64_t row) const { return static_cast<const char*>(lent_.view().buf) + row * lent_.view().strides[0]; }

 private:
  Lent lent_;
};

}  // namespace scoring
