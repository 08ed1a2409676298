// The functions of scoring._engine that find rows in a request and write the tables of an answer.
#include "bind.hpp"

#include <string>
#include <string_view>

#include "bind_matrix.hpp"
#include "rows.hpp"
#include "table_text.hpp"

namespace scoring {

namespace {

constexpr int64_t worth_unlocking = 4096;   // numbers whose writing takes longer than to let other threads in

TextStyle style_of(std::string_view name) {
  if (name == "quoted") return TextStyle::quoted;
  if (name == "typed") return TextStyle::typed;
  if (name == "csv") return TextStyle::csv;
  raise(PyExc_ValueError, "there is no such style");
}

PyObject* to_python(const std::string& text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

}  // namespace

PyObject* rows_span(PyObject*, PyObject* body) {
  return guarded([&]() -> PyObject* {
    if (!PyBytes_CheckExact(body)) raise(PyExc_TypeError, "a body is bytes");
    const std::string_view text(PyBytes_AsString(body), static_cast<size_t>(PyBytes_Size(body)));
    RowsSpan span{};
    if (!find_rows(text, span)) Py_RETURN_NONE;
    return Py_BuildValue("(nnn)", static_cast<Py_ssize_t>(span.first), static_cast<Py_ssize_t>(span.last),
                         static_cast<Py_ssize_t>(span.rows));
  });
}

PyObject* table_text(PyObject*, PyObject* arguments) {
  return guarded([&]() -> PyObject* {
    PyObject* array;
    const char *style, *between;
    Py_ssize_t first, count;
    if (!PyArg_ParseTuple(arguments, "Ossnn", &array, &style, &between, &first, &count)) throw PythonError{};
    const ArrayView view(array);
    if (first < 0 || count < 0 || first > view.columns() - count) raise(PyExc_ValueError, "the matrix has no such columns");
    const TextStyle wanted = style_of(style);
    std::string text;
    {
      const Unlocked unlocked(view.rows() * count > worth_unlocking);
      text.reserve(static_cast<size_t>(view.rows() * (count * 22 + 4)));
      for (int64_t r = 0; r < view.rows(); ++r) {
        if (r > 0) text += between;
        write_row(view.row(r) + first * view.column_stride(), view.column_stride(), count, wanted, text);
      }
    }
    return to_python(text);
  });
}

PyObject* row_texts(PyObject*, PyObject* arguments) {
  return guarded([&]() -> PyObject* {
    PyObject* array;
    const char* style;
    if (!PyArg_ParseTuple(arguments, "Os", &array, &style)) throw PythonError{};
    const ArrayView view(array);
    const TextStyle wanted = style_of(style);
    Owned list = need(PyList_New(view.rows()));
    std::string text;
    for (int64_t r = 0; r < view.rows(); ++r) {
      text.clear();
      write_row(view.row(r), view.column_stride(), view.columns(), wanted, text);
      PyList_SetItem(list.get(), r, need(to_python(text)).release());
    }
    return list.release();
  });
}

}  // namespace scoring
