// The Python module scoring._engine.
#include "bind.hpp"

#include "pipeline.hpp"

namespace {

// An empty call, to measure what calling costs.
PyObject* nothing(PyObject*, PyObject*) { Py_RETURN_NONE; }

int fill(PyObject* module) {
  PyObject* type = scoring::make_pipeline_type(module);
  if (!type) return -1;
  const int failed = PyModule_AddObjectRef(module, "Pipeline", type);
  Py_DECREF(type);
  if (failed) return -1;
  return PyModule_AddStringConstant(module, "isa", scoring::instruction_set());
}

PyMethodDef functions[] = {{"nothing", nothing, METH_O, "nothing(x, /)\n--\n\nDo nothing: the floor under any call's time."},
                           {nullptr, nullptr, 0, nullptr}};

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_engine", "The scoring engine.", 0, functions, slots, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__engine(void) { return PyModuleDef_Init(&definition); }
