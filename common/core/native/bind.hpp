// What the parts of the Python binding share. CPython's limited API of 3.11 only: one binary for every later Python.
#pragma once
#include <Python.h>

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "fault.hpp"

namespace scoring {

// Thrown by C++ code that has set a Python exception.
struct PythonError {};

// An owned reference.
class Owned {
 public:
  Owned() = default;
  explicit Owned(PyObject* object) : object_(object) {}
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

// The result of a C API call, or PythonError where it is null.
inline Owned need(PyObject* object) {
  if (!object) throw PythonError{};
  return Owned(object);
}

// Runs `body`, which returns a new reference or throws; no C++ exception gets into the interpreter.
template <class Body>
PyObject* guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const PythonError&) {
  } catch (const Fault& fault) {
    // A message may quote bytes of a damaged file.
    Owned text(
        PyUnicode_DecodeUTF8(fault.what(), static_cast<Py_ssize_t>(std::char_traits<char>::length(fault.what())), "replace"));
    if (text) PyErr_SetObject(PyExc_ValueError, text.get());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

// Other Python threads run while this exists.
class Unlocked {
 public:
  explicit Unlocked(bool wanted) : state_(wanted ? PyEval_SaveThread() : nullptr) {}
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked() {
    if (state_) PyEval_RestoreThread(state_);
  }

 private:
  PyThreadState* state_;
};

// A buffer lent by a Python object.
class Lent {
 public:
  Lent() = default;
  Lent(PyObject* owner, int flags) { take(owner, flags); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    if (held_) PyBuffer_Release(&view_);
  }
  void take(PyObject* owner, int flags) {
    if (PyObject_GetBuffer(owner, &view_, flags) < 0) throw PythonError{};
    held_ = true;
  }
  const Py_buffer& view() const { return view_; }

 private:
  Py_buffer view_;
  bool held_ = false;
};

[[noreturn]] inline void raise(PyObject* type, const std::string& message) {
  Owned text(PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace"));
  if (text) PyErr_SetObject(type, text.get());
  throw PythonError{};
}

PyObject* make_pipeline_type(PyObject* module);   // bind_pipeline.cpp
PyObject* make_matrix_type(PyObject* module);     // bind_matrix.cpp
PyObject* make_cells_type(PyObject* module);      // bind_cells.cpp
PyObject* make_rows_type(PyObject* module);       // bind_cells.cpp
PyObject* make_plane_type(PyObject* module);      // bind_plane.cpp
PyObject* rows_span(PyObject* module, PyObject* body);         // bind_text.cpp
PyObject* table_text(PyObject* module, PyObject* arguments);   // bind_text.cpp
PyObject* row_texts(PyObject* module, PyObject* arguments);    // bind_text.cpp

}  // namespace scoring
