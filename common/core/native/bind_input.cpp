#include "bind_input.hpp"

#include <cmath>
#include <limits>

namespace scoring {

namespace {

[[noreturn]] void refuse_cell(PyObject* cell, Py_ssize_t at, const std::vector<std::string>& names) {
  PyErr_Clear();
  raise(PyExc_TypeError, "cell " + std::to_string(at) + " (" + names[static_cast<size_t>(at)] +
                             "): expected a number or None, found " + type_name(cell));
}

inline double read_cell(PyObject* cell, Py_ssize_t at, const std::vector<std::string>& names) {
  if (PyFloat_CheckExact(cell)) return PyFloat_AsDouble(cell);
  if (cell == Py_None) return std::numeric_limits<double>::quiet_NaN();
  const Owned held((Py_INCREF(cell), cell));   // __float__ is anybody's code and may drop the cell from its list
  const double value = PyFloat_AsDouble(cell);
  if (value == -1.0 && PyErr_Occurred()) refuse_cell(cell, at, names);
  return value;
}

void check_count(Py_ssize_t found, size_t wanted) {
  if (found == static_cast<Py_ssize_t>(wanted)) return;
  raise(PyExc_ValueError,
        "the row has " + std::to_string(found) + " cells, the pipeline has " + std::to_string(wanted) + " inputs");
}

// One character, native byte order, after the optional mark of it; 0 for anything else.
char item_code(const char* format) {
  if (!format) return 'B';   // the protocol's meaning of no format
  constexpr uint16_t probe = 1;
  const bool little = *reinterpret_cast<const char*>(&probe) == 1;
  if (*format == '@' || *format == '=' || *format == (little ? '<' : '>')) ++format;
  return format[0] && !format[1] ? format[0] : '\0';
}

}  // namespace

std::string type_name(PyObject* object) {
  Owned name(PyType_GetName(Py_TYPE(object)));
  Py_ssize_t size = 0;
  const char* text = name ? PyUnicode_AsUTF8AndSize(name.get(), &size) : nullptr;
  if (!text) throw PythonError{};
  return std::string(text, static_cast<size_t>(size));
}

bool is_sequence(PyObject* object) { return PyList_Check(object) || PyTuple_Check(object); }

void read_cells(PyObject* cells, const std::vector<std::string>& names, double* out) {
  const auto count = static_cast<Py_ssize_t>(names.size());
  if (PyList_Check(cells)) {
    check_count(PyList_Size(cells), names.size());
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* cell = PyList_GetItem(cells, i);   // fails where a cell's __float__ has made the list shorter
      if (!cell) throw PythonError{};
      out[i] = read_cell(cell, i, names);
    }
  } else if (PyTuple_Check(cells)) {
    check_count(PyTuple_Size(cells), names.size());
    for (Py_ssize_t i = 0; i < count; ++i) out[i] = read_cell(PyTuple_GetItem(cells, i), i, names);
  } else {
    raise(PyExc_TypeError, "a row is a list or tuple of numbers and None, found " + type_name(cells));
  }
}

ArrayInput::ArrayInput(PyObject* array, int32_t columns) {
  if (!PyObject_CheckBuffer(array)) {
    raise(PyExc_TypeError,
          "X must be a float64 or float32 array, or a list or tuple of one row's numbers; found " + type_name(array));
  }
  lent_.take(array, PyBUF_RECORDS_RO);
  const Py_buffer& view = lent_.view();
  const char code = item_code(view.format);
  const bool is_double = code == 'd' && view.itemsize == sizeof(double);
  const bool is_single = code == 'f' && view.itemsize == sizeof(float);
  if (!is_double && !is_single) {
    raise(PyExc_TypeError, "X has items of format '" + std::string(view.format ? view.format : "B") +
                               "'; the engine reads float64 ('d') and float32 ('f') in the machine's byte order: convert with "
                               "numpy.asarray(X, dtype=numpy.float64)");
  }
  const bool one_row = view.ndim == 1;
  if (view.ndim != 1 && view.ndim != 2) {
    raise(PyExc_ValueError, "X has " + std::to_string(view.ndim) + " dimensions, needs 2: (rows, " + std::to_string(columns) + ")");
  }
  const Py_ssize_t found = view.shape[view.ndim - 1];
  if (found != columns) {
    raise(PyExc_ValueError, "X has " + std::to_string(found) + " columns, the pipeline has " + std::to_string(columns) + " inputs");
  }
  rows_ = one_row ? 1 : view.shape[0];
  matrix_.emplace(view.buf, columns, one_row ? 0 : view.strides[0], view.strides[view.ndim - 1], is_single);
}

}  // namespace scoring
