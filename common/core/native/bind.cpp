// The Python module: for now an empty one, so that the workspace installs.
#include <Python.h>

static PyModuleDef module_def = {PyModuleDef_HEAD_INIT, "_engine", nullptr, 0, nullptr, nullptr, nullptr, nullptr, nullptr};

PyMODINIT_FUNC PyInit__engine(void) { return PyModule_Create(&module_def); }
