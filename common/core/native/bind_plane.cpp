// scoring._engine.Plane: distances from the training rows.
#include "bind.hpp"

#include <memory>
#include <vector>

#include "bind_input.hpp"
#include "bind_matrix.hpp"
#include "plane.hpp"

namespace scoring {

namespace {

struct PlaneObject {
  PyObject_HEAD
  Plane* plane;
  int32_t inputs;
};

std::vector<double> doubles_of(PyObject* list) {
  std::vector<double> found(static_cast<size_t>(PyList_Size(list)));
  for (size_t i = 0; i < found.size(); ++i) {
    PyObject* value = PyList_GetItem(list, static_cast<Py_ssize_t>(i));
    if (!value || !PyFloat_CheckExact(value)) raise(PyExc_TypeError, "a list of floats is wanted");
    found[i] = PyFloat_AsDouble(value);
  }
  return found;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyObject *columns, *center, *scale, *components;
    int inputs = 0;
    if (!PyArg_ParseTuple(args, "iO!O!O!O!", &inputs, &PyList_Type, &columns, &PyList_Type, &center, &PyList_Type, &scale,
                          &PyList_Type, &components))
      throw PythonError{};
    std::vector<int32_t> places(static_cast<size_t>(PyList_Size(columns)));
    for (size_t i = 0; i < places.size(); ++i) {
      const long place = PyLong_AsLong(PyList_GetItem(columns, static_cast<Py_ssize_t>(i)));
      if (place == -1 && PyErr_Occurred()) throw PythonError{};
      if (place < 0 || place >= inputs) raise(PyExc_ValueError, "a column is none of the inputs");
      places[i] = static_cast<int32_t>(place);
    }
    const size_t fields = places.size();
    std::vector<double> middle = doubles_of(center), unit = doubles_of(scale), weights = doubles_of(components);
    if (middle.size() != fields || unit.size() != fields || weights.size() % (fields ? fields : 1) != 0)
      raise(PyExc_ValueError, "the plane's numbers do not fit each other");
    auto plane = std::make_unique<Plane>(std::move(places), std::move(middle), std::move(unit), std::move(weights));
    Owned self = need(PyType_GenericAlloc(type, 0));
    auto& object = *reinterpret_cast<PlaneObject*>(self.get());
    object.plane = plane.release();
    object.inputs = inputs;
    return self.release();
  });
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<PlaneObject*>(self)->plane;
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

PyObject* lengths(PyObject* self, PyObject* array) {
  return guarded([&]() -> PyObject* {
    const auto& object = *reinterpret_cast<PlaneObject*>(self);
    const ArrayInput input(array, object.inputs);
    double* out = nullptr;
    Owned found = new_matrix(state_of_type(Py_TYPE(self)).matrix_type, input.rows(), 1, &out);
    {
      const Unlocked unlocked(input.rows() > 64);
      object.plane->lengths(input.matrix(), input.rows(), object.inputs, out);
    }
    return found.release();
  });
}

}  // namespace

PyObject* make_plane_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"lengths", lengths, METH_O, "lengths($self, X, /)\n--\n\nReturn the distances of rows as a Matrix of one column."},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("Plane(inputs, columns, center, scale, components, /)\n--\n\nMeasures how far rows lie off.")},
      {Py_tp_new, reinterpret_cast<void*>(make)},
      {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
      {Py_tp_methods, methods},
      {0, nullptr}};
  static PyType_Spec spec = {"scoring._engine.Plane", sizeof(PlaneObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

}  // namespace scoring
