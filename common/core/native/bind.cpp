// The Python module scoring._engine.
#include "bind.hpp"

#include "bind_matrix.hpp"
#include "pipeline.hpp"

namespace {

// An empty call, to measure what calling costs.
PyObject* nothing(PyObject*, PyObject*) { Py_RETURN_NONE; }

int add(PyObject* module, const char* name, PyObject* type, PyObject** kept = nullptr) {
  if (!type) return -1;
  const int failed = PyModule_AddObjectRef(module, name, type);
  if (kept && !failed) {
    *kept = type;   // the reference goes to the module's state
  } else {
    Py_DECREF(type);
  }
  return failed;
}

int fill(PyObject* module) {
  auto& state = *static_cast<scoring::ModuleState*>(PyModule_GetState(module));
  if (add(module, "Matrix", scoring::make_matrix_type(module), &state.matrix_type)) return -1;
  if (add(module, "Cells", scoring::make_cells_type(module), &state.cells_type)) return -1;
  if (add(module, "Rows", scoring::make_rows_type(module))) return -1;
  if (add(module, "Plane", scoring::make_plane_type(module))) return -1;
  if (add(module, "Pipeline", scoring::make_pipeline_type(module))) return -1;
  return PyModule_AddStringConstant(module, "isa", scoring::instruction_set());
}

int clear(PyObject* module) {
  auto* state = static_cast<scoring::ModuleState*>(PyModule_GetState(module));
  for (PyObject** kept : {&state->matrix_type, &state->cells_type}) {
    PyObject* type = *kept;
    *kept = nullptr;
    Py_XDECREF(type);
  }
  return 0;
}

void end(void* module) { clear(static_cast<PyObject*>(module)); }

PyMethodDef functions[] = {
    {"nothing", nothing, METH_O, "nothing(x, /)\n--\n\nDo nothing: the floor under any call's time."},
    {"rows_span", scoring::rows_span, METH_O, "rows_span(body, /)\n--\n\nFind the array `rows` in a JSON object."},
    {"table_text", scoring::table_text, METH_VARARGS,
     "table_text(matrix, style, between, first, count, /)\n--\n\nWrite columns of a matrix, `between` between the rows."},
    {"row_texts", scoring::row_texts, METH_VARARGS, "row_texts(matrix, style, /)\n--\n\nWrite each row of a matrix."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_engine", "The scoring engine.",
                          sizeof(scoring::ModuleState), functions, slots, nullptr, clear, end};

}  // namespace

PyMODINIT_FUNC PyInit__engine(void) { return PyModuleDef_Init(&definition); }
