// scoring._engine.Pipeline
#include "bind.hpp"

#include <memory>
#include <string>
#include <type_traits>

#include "bind_input.hpp"
#include "bind_matrix.hpp"
#include "pipeline.hpp"

namespace scoring {

namespace {

struct PipelineObject {
  PyObject_HEAD
  Pipeline* engine;
  PyObject* empty;           // numpy.empty, fetched when an array is first asked for: `row` works without numpy
  PyObject* one_row_shape;   // its arguments for the prediction of one row
};

const PipelineObject& self_of(PyObject* self) { return *reinterpret_cast<PipelineObject*>(self); }
const Pipeline& engine_of(PyObject* self) { return *self_of(self).engine; }

// Letting go of the interpreter and taking it again costs 0.1 us when nobody waits, and up to a whole switch interval (5 ms) when
// somebody does: work below this is done quicker than that.
constexpr double worth_unlocking = 10'000.0;   // nanoseconds

bool worth(const Pipeline& engine, int64_t rows) {
  return rows > 1 && static_cast<double>(rows) * engine.row_nanoseconds() > worth_unlocking;
}

// ---- arguments

struct Options {
  bool flag;   // raw_score or original
  int threads = 1;
};

int read_threads(PyObject* value) {
  const long threads = PyLong_AsLong(value);
  if (threads == -1 && PyErr_Occurred()) throw PythonError{};
  if (threads < 0 || threads > 4096)
    raise(PyExc_ValueError, "threads must be 0 (all processors) to 4096, found " + std::to_string(threads));
  return static_cast<int>(threads);
}

bool read_flag(PyObject* value) {
  const int flag = PyObject_IsTrue(value);
  if (flag < 0) throw PythonError{};
  return flag == 1;
}

// (X, flag, threads), each by place or by name; X by place only. `flag_name` is null for a method that has none.
Options read_options(PyObject* const* args, Py_ssize_t count, PyObject* names, const char* method, const char* flag_name,
                     bool flag) {
  Options options{flag};
  const Py_ssize_t most = flag_name ? 3 : 2;
  if (count < 1 || count > most) {
    raise(PyExc_TypeError,
          std::string(method) + "() takes 1 to " + std::to_string(most) + " positional arguments, found " + std::to_string(count));
  }
  if (flag_name && count > 1) options.flag = read_flag(args[1]);
  if (count == most) options.threads = read_threads(args[most - 1]);
  const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GetItem(names, i);
    PyObject* value = args[count + i];
    if (flag_name && PyUnicode_CompareWithASCIIString(name, flag_name) == 0 && count < 2) {
      options.flag = read_flag(value);
    } else if (PyUnicode_CompareWithASCIIString(name, "threads") == 0 && count < most) {
      options.threads = read_threads(value);
    } else {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected or repeated argument %R", method, name);
      throw PythonError{};
    }
  }
  return options;
}

// ---- results

// numpy.empty((rows,) or (rows, columns))
Owned empty_array(PyObject* self, int64_t rows, int64_t columns, bool flat) {
  auto& object = *reinterpret_cast<PipelineObject*>(self);
  if (!object.empty) {
    const Owned numpy = need(PyImport_ImportModule("numpy"));
    object.empty = need(PyObject_GetAttrString(numpy.get(), "empty")).release();
  }
  const auto arguments = [&] {
    return need(flat ? Py_BuildValue("((n))", static_cast<Py_ssize_t>(rows))
                     : Py_BuildValue("((nn))", static_cast<Py_ssize_t>(rows), static_cast<Py_ssize_t>(columns)));
  };
  const bool usual = rows == 1 && columns == engine_of(self).outputs();
  if (usual) {
    if (!object.one_row_shape) object.one_row_shape = arguments().release();
    return need(PyObject_Call(object.empty, object.one_row_shape, nullptr));
  }
  return need(PyObject_Call(object.empty, arguments().get(), nullptr));
}

// ---- the methods: one body for each kind of result, over each kind of rows

struct Predict {
  static constexpr const char* name = "predict";
  static constexpr const char* arrow_name = "predict_arrow";
  static constexpr const char* matrix_name = "scores";
  static constexpr const char* flag = "raw_score";
  static constexpr bool usual = false;
  static int64_t columns(const Pipeline& engine, bool) { return engine.outputs(); }
  static bool flat(const Pipeline& engine) { return engine.outputs() == 1; }
  static bool unlocks(const Pipeline& engine, int64_t rows) { return worth(engine, rows); }
  static void run(const Pipeline& engine, const Source& source, int64_t rows, const Options& options, double* out) {
    engine.predict(source, rows, options.flag, options.threads, out);
  }
};

struct Contributions {
  static constexpr const char* name = "contributions";
  static constexpr const char* arrow_name = "contributions_arrow";
  static constexpr const char* matrix_name = "parts";
  static constexpr const char* flag = "original";
  static constexpr bool usual = true;
  static int64_t columns(const Pipeline& engine, bool original) { return engine.parts(original); }
  static bool flat(const Pipeline&) { return false; }
  static bool unlocks(const Pipeline&, int64_t rows) { return rows > 0; }   // one row takes longer than worth_unlocking
  static void run(const Pipeline& engine, const Source& source, int64_t rows, const Options& options, double* out) {
    engine.contributions(source, rows, options.flag, options.threads, out);
  }
};

struct Transform {
  static constexpr const char* name = "transform";
  static constexpr const char* flag = nullptr;
  static constexpr bool usual = false;
  static int64_t columns(const Pipeline& engine, bool) { return engine.features(); }
  static bool flat(const Pipeline&) { return false; }
  static bool unlocks(const Pipeline& engine, int64_t rows) { return worth(engine, rows); }
  static void run(const Pipeline& engine, const Source& source, int64_t rows, const Options& options, double* out) {
    engine.transform(source, rows, options.threads, out);
  }
};

template <class Work>
PyObject* over(PyObject* self, const Source& source, int64_t rows, const Options& options) {
  const Pipeline& engine = engine_of(self);
  Owned result = empty_array(self, rows, Work::columns(engine, options.flag), Work::flat(engine));
  const Lent lent(result.get(), PyBUF_WRITABLE);
  {
    const Unlocked unlocked(Work::unlocks(engine, rows));
    Work::run(engine, source, rows, options, static_cast<double*>(lent.view().buf));
  }
  return result.release();
}

// The same without numpy: the result is a Matrix.
template <class Work>
PyObject* to_matrix(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const Pipeline& engine = engine_of(self);
    const Options options = read_options(args, count, names, Work::matrix_name, Work::flag, Work::usual);
    const ArrayInput input(args[0], engine.inputs());
    double* out = nullptr;
    Owned result =
        new_matrix(state_of_type(Py_TYPE(self)).matrix_type, input.rows(), Work::columns(engine, options.flag), &out);
    {
      const Unlocked unlocked(Work::unlocks(engine, input.rows()));
      Work::run(engine, input.matrix(), input.rows(), options, out);
    }
    return result.release();
  });
}

// One row of float64 side by side: the shortest way for a service that predicts one request at a time.
PyObject* predict_row(PyObject* self, const double* x, bool raw) {
  const Pipeline& engine = engine_of(self);
  Owned result = empty_array(self, 1, engine.outputs(), engine.outputs() == 1);
  const Lent lent(result.get(), PyBUF_WRITABLE);
  engine.row(x, raw, static_cast<double*>(lent.view().buf));
  return result.release();
}

template <class Work>
PyObject* from_array(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const Pipeline& engine = engine_of(self);
    const Options options = read_options(args, count, names, Work::name, Work::flag, Work::usual);
    constexpr bool predicts = std::is_same_v<Work, Predict>;
    if (is_sequence(args[0])) {
      RowBuffer row(engine.inputs());
      read_cells(args[0], engine.input_names(), row.get());
      if (predicts) return predict_row(self, row.get(), options.flag);
      return over<Work>(self, Matrix(row.get(), engine.inputs(), 0, sizeof(double), false), 1, options);
    }
    const ArrayInput input(args[0], engine.inputs());
    if (predicts && input.rows() == 1) {
      if (const double* row = input.matrix().row(0)) return predict_row(self, row, options.flag);
    }
    return over<Work>(self, input.matrix(), input.rows(), options);
  });
}

template <class Work>
PyObject* from_arrow(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const Options options = read_options(args, count, names, Work::arrow_name, Work::flag, Work::usual);
    const ArrowInput input(args[0], engine_of(self).input_names());
    return over<Work>(self, input.source(), input.source().rows(), options);
  });
}

PyObject* row(PyObject* self, PyObject* cells) {
  return guarded([&]() -> PyObject* {
    const Pipeline& engine = engine_of(self);
    RowBuffer x(engine.inputs());
    read_cells(cells, engine.input_names(), x.get());
    const int32_t outputs = engine.outputs();
    RowBuffer out(outputs);
    engine.row(x.get(), false, out.get());
    if (outputs == 1) return PyFloat_FromDouble(*out.get());
    Owned tuple = need(PyTuple_New(outputs));
    for (int32_t k = 0; k < outputs; ++k) PyTuple_SetItem(tuple.get(), k, need(PyFloat_FromDouble(out.get()[k])).release());
    return tuple.release();
  });
}

// ---- attributes

template <int32_t (Pipeline::*get)() const>
PyObject* number(PyObject* self, void*) {
  return PyLong_FromLong((engine_of(self).*get)());
}

PyObject* text(const std::string& value) {
  return PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace");
}

template <const std::vector<std::string>& (Pipeline::*get)() const>
PyObject* strings(PyObject* self, void*) {
  return guarded([&] {
    const std::vector<std::string>& values = (engine_of(self).*get)();
    Owned list = need(PyList_New(static_cast<Py_ssize_t>(values.size())));
    for (size_t i = 0; i < values.size(); ++i)
      PyList_SetItem(list.get(), static_cast<Py_ssize_t>(i), need(text(values[i])).release());
    return list.release();
  });
}

PyObject* objective(PyObject* self, void*) { return text(engine_of(self).objective()); }

PyObject* has_counts(PyObject* self, void*) { return PyBool_FromLong(engine_of(self).has_counts()); }

// ---- birth and death

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* named) {
  return guarded([&]() -> PyObject* {
    if (named && PyDict_Size(named) > 0) raise(PyExc_TypeError, "Pipeline() takes no keyword arguments");
    if (PyTuple_Size(args) != 2) raise(PyExc_TypeError, "Pipeline() takes features_json and forest_text, both bytes");
    const Lent features(PyTuple_GetItem(args, 0), PyBUF_SIMPLE);
    const Lent forest(PyTuple_GetItem(args, 1), PyBUF_SIMPLE);
    const auto view = [](const Lent& lent) {
      return std::string_view(static_cast<const char*>(lent.view().buf), static_cast<size_t>(lent.view().len));
    };
    std::unique_ptr<Pipeline> engine;
    {
      const Unlocked unlocked(true);
      engine = std::make_unique<Pipeline>(view(features), view(forest));
    }
    Owned self = need(PyType_GenericAlloc(type, 0));
    reinterpret_cast<PipelineObject*>(self.get())->engine = engine.release();
    return self.release();
  });
}

void destroy(PyObject* self) {
  auto& object = *reinterpret_cast<PipelineObject*>(self);
  PyTypeObject* type = Py_TYPE(self);
  delete object.engine;
  Py_XDECREF(object.empty);
  Py_XDECREF(object.one_row_shape);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

PyObject* represent(PyObject* self) {
  const Pipeline& engine = engine_of(self);
  return PyUnicode_FromFormat("<Pipeline: %d inputs, %d features, %d trees, %d outputs>", engine.inputs(), engine.features(),
                              engine.trees(), engine.outputs());
}

PyCFunction fast(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

PyObject* make_pipeline_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"predict", fast(from_array<Predict>), METH_FASTCALL | METH_KEYWORDS,
       "predict($self, X, /, raw_score=False, threads=1)\n--\n\nScore rows: an array (rows, inputs) or one row as a list or "
       "tuple."},
      {"row", row, METH_O, "row($self, cells, /)\n--\n\nScore one row of numbers and None, without numpy."},
      {"contributions", fast(from_array<Contributions>), METH_FASTCALL | METH_KEYWORDS,
       "contributions($self, X, /, original=True, threads=1)\n--\n\nSplit raw scores into parts, by input or by feature, and a "
       "bias."},
      {"predict_arrow", fast(from_arrow<Predict>), METH_FASTCALL | METH_KEYWORDS,
       "predict_arrow($self, array, /, raw_score=False, threads=1)\n--\n\nScore a record batch or table through the Arrow C data "
       "interface."},
      {"contributions_arrow", fast(from_arrow<Contributions>), METH_FASTCALL | METH_KEYWORDS,
       "contributions_arrow($self, array, /, original=True, threads=1)\n--\n\nSplit the raw scores of a record batch or table into "
       "parts."},
      {"scores", fast(to_matrix<Predict>), METH_FASTCALL | METH_KEYWORDS,
       "scores($self, X, /, raw_score=False, threads=1)\n--\n\nScore an array (rows, inputs) to a Matrix, without numpy."},
      {"parts", fast(to_matrix<Contributions>), METH_FASTCALL | METH_KEYWORDS,
       "parts($self, X, /, original=True, threads=1)\n--\n\nSplit raw scores into the parts of a Matrix, without numpy."},
      {"transform", fast(from_array<Transform>), METH_FASTCALL | METH_KEYWORDS,
       "transform($self, X, /, threads=1)\n--\n\nCompute the features of rows."},
      {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef attributes[] = {
      {"inputs", number<&Pipeline::inputs>, nullptr, "Number of input columns.", nullptr},
      {"features", number<&Pipeline::features>, nullptr, "Number of feature columns.", nullptr},
      {"outputs", number<&Pipeline::outputs>, nullptr, "Outputs per row.", nullptr},
      {"trees", number<&Pipeline::trees>, nullptr, "Number of trees.", nullptr},
      {"iterations", number<&Pipeline::iterations>, nullptr, "Boosting iterations.", nullptr},
      {"input_names", strings<&Pipeline::input_names>, nullptr, "Names of the input columns.", nullptr},
      {"feature_names", strings<&Pipeline::feature_names>, nullptr, "Names of the feature columns.", nullptr},
      {"objective", objective, nullptr, "LightGBM's objective, without parameters.", nullptr},
      {"has_counts", has_counts, nullptr, "Whether the model carries the counts that contributions need.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_doc,
       const_cast<char*>("Pipeline(features_json, forest_text, /)\n--\n\nA scoring pipeline: transform graph and forest.")},
      {Py_tp_new, reinterpret_cast<void*>(make)},
      {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
      {Py_tp_repr, reinterpret_cast<void*>(represent)},
      {Py_tp_methods, methods},
      {Py_tp_getset, attributes},
      {0, nullptr}};
  static PyType_Spec spec = {"scoring._engine.Pipeline", sizeof(PipelineObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                             slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

}  // namespace scoring
