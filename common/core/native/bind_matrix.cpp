#include "bind_matrix.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>

#include "bind_input.hpp"

namespace scoring {

namespace {

struct MatrixObject {
  PyObject_HEAD
  double* data;
  Py_ssize_t shape[2];
  Py_ssize_t strides[2];
};

MatrixObject& matrix_of(PyObject* self) { return *reinterpret_cast<MatrixObject*>(self); }

double load(const char* at) {
  double value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool is_float64(const Py_buffer& view) {
  return view.format && view.itemsize == sizeof(double) && view.format[0] == 'd' && view.format[1] == '\0';
}

PyObject* from_array(PyTypeObject* type, PyObject* array) {
  const ArrayView view(array);
  double* out = nullptr;
  Owned made = new_matrix(reinterpret_cast<PyObject*>(type), view.rows(), view.columns(), &out);
  for (int64_t r = 0; r < view.rows(); ++r) {
    for (int64_t c = 0; c < view.columns(); ++c) *out++ = load(view.row(r) + c * view.column_stride());
  }
  return made.release();
}

PyObject* from_rows(PyTypeObject* type, PyObject* rows) {
  const Py_ssize_t count = PyList_Size(rows);
  const Py_ssize_t width = count == 0 ? 0 : PySequence_Size(PyList_GetItem(rows, 0));
  if (width < 0) throw PythonError{};
  double* out = nullptr;
  Owned made = new_matrix(reinterpret_cast<PyObject*>(type), count, width, &out);
  for (Py_ssize_t r = 0; r < count; ++r) {
    PyObject* given = PyList_GetItem(rows, r);   // fails where a row's code has made the list shorter
    if (!given) throw PythonError{};
    const Owned held((Py_INCREF(given), given));
    if (PySequence_Size(given) != width) raise(PyExc_ValueError, "the rows have different lengths");
    for (Py_ssize_t c = 0; c < width; ++c) {
      const Owned cell = need(PySequence_GetItem(given, c));
      *out = PyFloat_AsDouble(cell.get());
      if (*out++ == -1.0 && PyErr_Occurred()) throw PythonError{};
    }
  }
  return made.release();
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* named) {
  return guarded([&]() -> PyObject* {
    if (PyTuple_Size(args) != 1 || (named && PyDict_Size(named) > 0)) raise(PyExc_TypeError, "Matrix() takes rows");
    PyObject* rows = PyTuple_GetItem(args, 0);
    if (PyList_Check(rows)) return from_rows(type, rows);
    return from_array(type, rows);
  });
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyMem_Free(matrix_of(self).data);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  MatrixObject& matrix = matrix_of(self);
  if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && matrix.shape[0] > 1 && matrix.shape[1] > 1) {
    PyErr_SetString(PyExc_BufferError, "a Matrix lies row by row");
    return -1;
  }
  view->buf = matrix.data;
  view->obj = (Py_INCREF(self), self);
  view->len = matrix.shape[0] * matrix.strides[0];
  view->readonly = 0;
  view->itemsize = sizeof(double);
  view->format = flags & PyBUF_FORMAT ? const_cast<char*>("d") : nullptr;
  view->ndim = 2;
  view->shape = flags & PyBUF_ND ? matrix.shape : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? matrix.strides : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

Py_ssize_t length(PyObject* self) { return matrix_of(self).shape[0]; }

PyObject* shape(PyObject* self, void*) {
  return Py_BuildValue("(nn)", matrix_of(self).shape[0], matrix_of(self).shape[1]);
}

Owned listed(const double* first, Py_ssize_t count, Py_ssize_t step) {
  Owned list = need(PyList_New(count));
  for (Py_ssize_t i = 0; i < count; ++i) PyList_SetItem(list.get(), i, need(PyFloat_FromDouble(first[i * step])).release());
  return list;
}

PyObject* tolist(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const MatrixObject& matrix = matrix_of(self);
    Owned list = need(PyList_New(matrix.shape[0]));
    for (Py_ssize_t r = 0; r < matrix.shape[0]; ++r)
      PyList_SetItem(list.get(), r, listed(matrix.data + r * matrix.shape[1], matrix.shape[1], 1).release());
    return list.release();
  });
}

PyObject* tobytes(PyObject* self, PyObject*) {
  const MatrixObject& matrix = matrix_of(self);
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(matrix.data), matrix.shape[0] * matrix.strides[0]);
}

Py_ssize_t column_number(const MatrixObject& matrix, PyObject* value) {
  const Py_ssize_t column = PyLong_AsSsize_t(value);
  if (column == -1 && PyErr_Occurred()) throw PythonError{};
  if (column < 0 || column >= matrix.shape[1]) raise(PyExc_IndexError, "the Matrix has no such column");
  return column;
}

PyObject* column(PyObject* self, PyObject* number) {
  return guarded([&]() -> PyObject* {
    const MatrixObject& matrix = matrix_of(self);
    return listed(matrix.data + column_number(matrix, number), matrix.shape[0], matrix.shape[1]).release();
  });
}

PyObject* put(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    const MatrixObject& matrix = matrix_of(self);
    if (PyTuple_Size(args) != 2) raise(PyExc_TypeError, "put() takes a column's number and its values");
    const Py_ssize_t at = column_number(matrix, PyTuple_GetItem(args, 0));
    const Lent values(PyTuple_GetItem(args, 1), PyBUF_FORMAT | PyBUF_STRIDES);
    const Py_buffer& view = values.view();
    if (!is_float64(view) || view.ndim != 1 || view.shape[0] != matrix.shape[0])
      raise(PyExc_ValueError, "a column's values are float64, one for each row");
    for (Py_ssize_t r = 0; r < matrix.shape[0]; ++r)
      matrix.data[r * matrix.shape[1] + at] = load(static_cast<const char*>(view.buf) + r * view.strides[0]);
    Py_RETURN_NONE;
  });
}

PyObject* count(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    const MatrixObject& matrix = matrix_of(self);
    if (PyTuple_Size(args) != 2) raise(PyExc_TypeError, "count() takes a column's number and a value");
    const double* at = matrix.data + column_number(matrix, PyTuple_GetItem(args, 0));
    const double wanted = PyFloat_AsDouble(PyTuple_GetItem(args, 1));
    if (wanted == -1.0 && PyErr_Occurred()) throw PythonError{};
    Py_ssize_t found = 0;
    for (Py_ssize_t r = 0; r < matrix.shape[0]; ++r) found += at[r * matrix.shape[1]] == wanted;
    return PyLong_FromSsize_t(found);
  });
}

PyObject* complemented(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const MatrixObject& matrix = matrix_of(self);
    if (matrix.shape[1] != 1) raise(PyExc_ValueError, "only a Matrix of one column has a complement");
    double* out = nullptr;
    Owned made = new_matrix(reinterpret_cast<PyObject*>(Py_TYPE(self)), matrix.shape[0], 2, &out);
    for (Py_ssize_t r = 0; r < matrix.shape[0]; ++r) {
      out[2 * r] = 1.0 - matrix.data[r];
      out[2 * r + 1] = matrix.data[r];
    }
    return made.release();
  });
}

PyObject* filled(PyObject* type, PyObject* args) {
  return guarded([&]() -> PyObject* {
    Py_ssize_t rows = 0, columns = 0;
    if (!PyArg_ParseTuple(args, "nn", &rows, &columns)) throw PythonError{};
    double* out = nullptr;
    Owned made = new_matrix(type, rows, columns, &out);
    std::fill_n(out, rows * columns, std::numeric_limits<double>::quiet_NaN());
    return made.release();
  });
}

struct Sizes {
  int64_t rows = 0, columns = 0;
};

// Matrices one below the other, or one beside the other.
template <bool below>
PyObject* joined(PyObject* type, PyObject* given) {
  return guarded([&]() -> PyObject* {
    if (!PyList_Check(given) || PyList_Size(given) == 0) raise(PyExc_ValueError, "a list of matrices is wanted");
    std::deque<ArrayView> views;
    for (Py_ssize_t i = 0; i < PyList_Size(given); ++i) views.emplace_back(PyList_GetItem(given, i));
    Sizes sizes{views.front().rows(), views.front().columns()};
    for (size_t i = 1; i < views.size(); ++i) {
      const ArrayView& view = views[i];
      if (below ? view.columns() != sizes.columns : view.rows() != sizes.rows)
        raise(PyExc_ValueError, "the matrices do not fit each other");
      (below ? sizes.rows : sizes.columns) += below ? view.rows() : view.columns();
    }
    double* out = nullptr;
    Owned made = new_matrix(type, sizes.rows, sizes.columns, &out);
    const auto copy = [&out](const ArrayView& view, int64_t row) {
      for (int64_t c = 0; c < view.columns(); ++c) *out++ = load(view.row(row) + c * view.column_stride());
    };
    if (below) {
      for (const ArrayView& view : views) {
        for (int64_t r = 0; r < view.rows(); ++r) copy(view, r);
      }
    } else {
      for (int64_t r = 0; r < sizes.rows; ++r) {
        for (const ArrayView& view : views) copy(view, r);
      }
    }
    return made.release();
  });
}

PyObject* represent(PyObject* self) {
  return PyUnicode_FromFormat("<Matrix: %zd rows, %zd columns>", matrix_of(self).shape[0], matrix_of(self).shape[1]);
}

}  // namespace

ModuleState& state_of_type(PyTypeObject* type) {
  auto* state = static_cast<ModuleState*>(PyType_GetModuleState(type));
  if (!state) throw PythonError{};
  return *state;
}

Owned new_matrix(PyObject* type, int64_t rows, int64_t columns, double** data) {
  constexpr int64_t most = std::numeric_limits<Py_ssize_t>::max() / static_cast<Py_ssize_t>(sizeof(double));
  if (rows < 0 || columns < 0 || (columns > 0 && rows > most / columns)) raise(PyExc_ValueError, "no Matrix has such a size");
  Owned made = need(PyType_GenericAlloc(reinterpret_cast<PyTypeObject*>(type), 0));
  MatrixObject& matrix = matrix_of(made.get());
  matrix.data = static_cast<double*>(PyMem_Malloc(std::max<size_t>(1, static_cast<size_t>(rows * columns)) * sizeof(double)));
  if (!matrix.data) throw std::bad_alloc();
  matrix.shape[0] = static_cast<Py_ssize_t>(rows);
  matrix.shape[1] = static_cast<Py_ssize_t>(columns);
  matrix.strides[0] = static_cast<Py_ssize_t>(columns) * static_cast<Py_ssize_t>(sizeof(double));
  matrix.strides[1] = sizeof(double);
  *data = matrix.data;
  return made;
}

ArrayView::ArrayView(PyObject* array) {
  if (!PyObject_CheckBuffer(array)) raise(PyExc_TypeError, "expected a float64 array, found " + type_name(array));
  lent_.take(array, PyBUF_RECORDS_RO);
  if (!is_float64(lent_.view()) || lent_.view().ndim != 2) raise(PyExc_TypeError, "expected a float64 array of shape (rows, columns)");
}

PyObject* make_matrix_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"tolist", tolist, METH_NOARGS, "tolist($self, /)\n--\n\nReturn the rows as lists."},
      {"tobytes", tobytes, METH_NOARGS, "tobytes($self, /)\n--\n\nReturn the numbers row by row, as memory holds them."},
      {"column", column, METH_O, "column($self, number, /)\n--\n\nReturn a column as a list."},
      {"put", put, METH_VARARGS, "put($self, number, values, /)\n--\n\nSet a column to an array of float64."},
      {"count", count, METH_VARARGS, "count($self, number, value, /)\n--\n\nCount a value in a column."},
      {"complemented", complemented, METH_NOARGS, "complemented($self, /)\n--\n\nReturn (1 - p, p) for a single column p."},
      {"filled", filled, METH_VARARGS | METH_CLASS, "filled($type, rows, columns, /)\n--\n\nReturn a matrix of NaN."},
      {"below", joined<true>, METH_O | METH_CLASS, "below($type, matrices, /)\n--\n\nPut matrices one below the other."},
      {"beside", joined<false>, METH_O | METH_CLASS, "beside($type, matrices, /)\n--\n\nPut matrices one beside the other."},
      {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef attributes[] = {{"shape", shape, nullptr, "(rows, columns)", nullptr},
                                     {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("Matrix(rows, /)\n--\n\nRows of doubles that the engine owns.")},
      {Py_tp_new, reinterpret_cast<void*>(make)},
      {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
      {Py_tp_repr, reinterpret_cast<void*>(represent)},
      {Py_sq_length, reinterpret_cast<void*>(length)},
      {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
      {Py_tp_methods, methods},
      {Py_tp_getset, attributes},
      {0, nullptr}};
  static PyType_Spec spec = {"scoring._engine.Matrix", sizeof(MatrixObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                             slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

}  // namespace scoring
