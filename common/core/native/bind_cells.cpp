// scoring._engine.Cells and scoring._engine.Rows: cells on the wire to doubles.
#include "bind.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bind_input.hpp"
#include "bind_matrix.hpp"
#include "cell.hpp"
#include "rows.hpp"

namespace scoring {

namespace {

constexpr size_t worth_unlocking = 64 * 1024;   // bytes of text whose reading takes longer than to let other threads in

std::string_view text_of(PyObject* text) {
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text, &size);
  if (!data) throw PythonError{};
  return {data, static_cast<size_t>(size)};
}

double number_of(PyObject* value) {
  const double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred()) throw PythonError{};
  return number;
}

// ---- Cells

struct CellsObject {
  PyObject_HEAD
  CellReader* reader;
};

const CellReader& reader_of(PyObject* self) { return *reinterpret_cast<CellsObject*>(self)->reader; }

CellKind kind_of(std::string_view name) {
  if (name == "number") return CellKind::number;
  if (name == "boolean") return CellKind::boolean;
  if (name == "text") return CellKind::text;
  if (name == "time") return CellKind::time;
  raise(PyExc_ValueError, "there is no such kind of cells");
}

PyObject* make_cells(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyObject *kind, *missing, *sentinels, *codes, *words;
    if (!PyArg_ParseTuple(args, "UO!O!OO!", &kind, &PyTuple_Type, &missing, &PyTuple_Type, &sentinels, &codes, &PyDict_Type, &words))
      throw PythonError{};
    std::vector<std::string> tokens;
    for (Py_ssize_t i = 0; i < PyTuple_Size(missing); ++i) tokens.emplace_back(text_of(PyTuple_GetItem(missing, i)));
    std::vector<double> numbers;
    for (Py_ssize_t i = 0; i < PyTuple_Size(sentinels); ++i) numbers.push_back(number_of(PyTuple_GetItem(sentinels, i)));
    PyObject *key, *value;
    std::vector<std::pair<double, double>> coded;
    if (codes != Py_None && !PyDict_Check(codes)) raise(PyExc_TypeError, "codes are a dict or None");
    for (Py_ssize_t at = 0; codes != Py_None && PyDict_Next(codes, &at, &key, &value);)
      coded.emplace_back(number_of(key), number_of(value));
    std::vector<std::pair<std::string, double>> table;
    for (Py_ssize_t at = 0; PyDict_Next(words, &at, &key, &value);) table.emplace_back(text_of(key), number_of(value));
    auto reader = std::make_unique<CellReader>(kind_of(text_of(kind)), codes != Py_None, std::move(tokens), std::move(numbers),
                                               std::move(coded), std::move(table));
    Owned self = need(PyType_GenericAlloc(type, 0));
    reinterpret_cast<CellsObject*>(self.get())->reader = reader.release();
    return self.release();
  });
}

void destroy_cells(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<CellsObject*>(self)->reader;
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

// A cell as Python holds it. Exact types only: nobody's code runs.
bool read_object(const CellReader& reader, PyObject* cell, double& out) {
  if (cell == Py_None) {
    out = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  if (PyUnicode_CheckExact(cell)) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(cell, &size);
    if (text) return reader.string({text, static_cast<size_t>(size)}, out);
    PyErr_Clear();   // half of a pair, which UTF-8 cannot have
    return false;
  }
  if (PyFloat_CheckExact(cell)) return reader.number(PyFloat_AsDouble(cell), out);
  if (PyBool_Check(cell)) return reader.truth(cell == Py_True, out);
  if (!PyLong_CheckExact(cell)) return false;
  int overflow = 0;
  const long long whole = PyLong_AsLongLongAndOverflow(cell, &overflow);
  if (overflow) return false;
  return reader.whole(std::to_string(whole), static_cast<double>(whole), out);
}

PyObject* read_cells_of(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *cells, *out;
    if (!PyArg_ParseTuple(args, "O!O", &PyList_Type, &cells, &out)) throw PythonError{};
    const Lent lent(out, PyBUF_FORMAT | PyBUF_ND | PyBUF_WRITABLE);
    const Py_buffer& view = lent.view();
    const Py_ssize_t count = PyList_Size(cells);
    if (!view.format || std::string_view(view.format) != "d" || view.ndim != 1 || view.shape[0] != count)
      raise(PyExc_ValueError, "a place for one double a cell is wanted");
    auto* const values = static_cast<double*>(view.buf);
    Owned odd = need(PyList_New(0));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* cell = PyList_GetItem(cells, i);   // fails where a collector's code has made the list shorter
      if (!cell) throw PythonError{};
      if (read_object(reader_of(self), cell, values[i])) continue;
      values[i] = std::numeric_limits<double>::quiet_NaN();
      if (PyList_Append(odd.get(), need(PyLong_FromSsize_t(i)).get()) < 0) throw PythonError{};
    }
    return odd.release();
  });
}

// ---- Rows

struct RowsObject {
  PyObject_HEAD
  RowReader* reader;
  PyObject* held;   // the Cells that it reads with
};

const RowsObject& rows_of(PyObject* self) { return *reinterpret_cast<RowsObject*>(self); }

PyObject* make_rows(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyObject* given;
    Py_ssize_t width = 0;
    if (!PyArg_ParseTuple(args, "nO!", &width, &PyTuple_Type, &given)) throw PythonError{};
    auto* const cells_type = reinterpret_cast<PyTypeObject*>(state_of_type(type).cells_type);
    const Py_ssize_t inputs = PyTuple_Size(given);
    if (width < 1 || inputs < 1 || inputs > std::numeric_limits<int32_t>::max()) raise(PyExc_ValueError, "there is nothing to read");
    std::vector<RowPlace> places(static_cast<size_t>(width));
    for (Py_ssize_t i = 0; i < inputs; ++i) {
      PyObject* entry = PyTuple_GetItem(given, i);
      if (entry == Py_None) continue;   // an input that the rows lack
      PyObject* cells;
      Py_ssize_t position;
      if (!PyArg_ParseTuple(entry, "nO", &position, &cells)) throw PythonError{};
      if (!PyObject_TypeCheck(cells, cells_type)) raise(PyExc_TypeError, "a reader is no Cells");
      if (position < 0 || position >= width || places[static_cast<size_t>(position)].reader)
        raise(PyExc_ValueError, "a place is not in the rows, or read twice");
      places[static_cast<size_t>(position)] = {&reader_of(cells), static_cast<int32_t>(i)};
    }
    auto reader = std::make_unique<RowReader>(std::move(places), static_cast<int32_t>(inputs));
    Owned self = need(PyType_GenericAlloc(type, 0));
    auto& object = *reinterpret_cast<RowsObject*>(self.get());
    object.reader = reader.release();
    object.held = (Py_INCREF(given), given);
    return self.release();
  });
}

void destroy_rows(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete rows_of(self).reader;
  Py_XDECREF(rows_of(self).held);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

Owned blank_matrix(PyObject* self, int64_t rows, double** out) {
  const int32_t inputs = rows_of(self).reader->inputs();
  Owned matrix = new_matrix(state_of_type(Py_TYPE(self)).matrix_type, rows, inputs, out);
  std::fill_n(*out, rows * inputs, std::numeric_limits<double>::quiet_NaN());
  return matrix;
}

PyObject* read_json(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* body;
    Py_ssize_t first, last, rows;
    if (!PyArg_ParseTuple(args, "O!nnn", &PyBytes_Type, &body, &first, &last, &rows)) throw PythonError{};
    if (first < 0 || last > PyBytes_Size(body) || first > last || rows < 0) raise(PyExc_ValueError, "the rows are not in the body");
    const std::string_view text(PyBytes_AsString(body) + first, static_cast<size_t>(last - first));
    if (static_cast<size_t>(rows) > text.size()) raise(PyExc_ValueError, "there cannot be so many rows");
    double* out = nullptr;
    Owned matrix = blank_matrix(self, rows, &out);
    bool plain = false, wide = false;
    {
      const Unlocked unlocked(text.size() > worth_unlocking);
      plain = rows_of(self).reader->json(text, rows, out, wide);
    }
    if (plain && wide && !Owned(PyUnicode_DecodeUTF8(text.data(), last - first, nullptr))) {
      if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) throw PythonError{};
      PyErr_Clear();
      plain = false;
    }
    if (plain) return matrix.release();
    Py_RETURN_NONE;
  });
}

PyObject* read_csv(PyObject* self, PyObject* given) {
  return guarded([&]() -> PyObject* {
    if (!PyUnicode_CheckExact(given)) raise(PyExc_TypeError, "lines of CSV are text");
    const std::string_view text = text_of(given);
    double* out = nullptr;
    Owned matrix = blank_matrix(self, RowReader::count_lines(text), &out);
    bool plain = false;
    {
      const Unlocked unlocked(text.size() > worth_unlocking);
      plain = rows_of(self).reader->csv(text, out);
    }
    if (plain) return matrix.release();
    Py_RETURN_NONE;
  });
}

}  // namespace

PyObject* make_cells_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"read", read_cells_of, METH_VARARGS,
       "read($self, cells, out, /)\n--\n\nRead a list of cells; return the places of those that are not plain."},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("Cells(kind, missing, sentinels, codes, words, /)\n--\n\nReads the "
                                                              "plain cells of one field.")},
                                {Py_tp_new, reinterpret_cast<void*>(make_cells)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(destroy_cells)},
                                {Py_tp_methods, methods},
                                {0, nullptr}};
  static PyType_Spec spec = {"scoring._engine.Cells", sizeof(CellsObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

PyObject* make_rows_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"json", read_json, METH_VARARGS, "json($self, body, first, last, rows, /)\n--\n\nRead JSON arrays; None if not all is plain."},
      {"csv", read_csv, METH_O, "csv($self, text, /)\n--\n\nRead lines of CSV; None if not all is plain."},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("Rows(width, places, /)\n--\n\nReads plain rows.")},
                                {Py_tp_new, reinterpret_cast<void*>(make_rows)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(destroy_rows)},
                                {Py_tp_methods, methods},
                                {0, nullptr}};
  static PyType_Spec spec = {"scoring._engine.Rows", sizeof(RowsObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

}  // namespace scoring
