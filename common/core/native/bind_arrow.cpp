// The Arrow PyCapsule interface: how Python objects hand over Arrow data.
#include "bind_input.hpp"

namespace scoring {

namespace {

template <class Struct>
Struct& inside(PyObject* capsule, const char* name) {
  auto* held = static_cast<Struct*>(PyCapsule_GetPointer(capsule, name));
  if (!held) throw PythonError{};
  return *held;
}

Owned call(PyObject* object, const char* method) { return need(PyObject_CallMethod(object, method, nullptr)); }

// A schema that a stream gave: ours to release.
struct StreamSchema {
  ArrowSchema schema{};
  StreamSchema() = default;
  StreamSchema(const StreamSchema&) = delete;
  StreamSchema& operator=(const StreamSchema&) = delete;
  ~StreamSchema() {
    if (schema.release) schema.release(&schema);
  }
};

void check(int error, ArrowArrayStream& stream) {
  if (!error) return;
  const char* words = stream.get_last_error(&stream);
  throw Fault("Arrow stream: " + std::string(words ? words : "error " + std::to_string(error)));
}

}  // namespace

ArrowInput::ArrowInput(PyObject* object, const std::vector<std::string>& inputs) {
  try {
    if (PyObject_HasAttrString(object, "__arrow_c_array__")) {
      read_array(object, inputs);
    } else if (PyObject_HasAttrString(object, "__arrow_c_stream__")) {
      read_stream(object, inputs);
    } else {
      raise(PyExc_TypeError,
            "expected Arrow data (an object with __arrow_c_array__ or __arrow_c_stream__), found " + type_name(object));
    }
  } catch (...) {
    for (ArrowArray& batch : batches_) batch.release(&batch);   // no destructor runs for what was never built
    throw;
  }
}

ArrowInput::~ArrowInput() {
  for (ArrowArray& batch : batches_) batch.release(&batch);
}

void ArrowInput::read_array(PyObject* object, const std::vector<std::string>& inputs) {
  const Owned pair = call(object, "__arrow_c_array__");
  if (!PyTuple_Check(pair.get()) || PyTuple_Size(pair.get()) != 2)
    raise(PyExc_TypeError, "__arrow_c_array__ did not return two capsules");
  schema_ = Owned(Py_NewRef(PyTuple_GetItem(pair.get(), 0)));
  array_ = Owned(Py_NewRef(PyTuple_GetItem(pair.get(), 1)));
  source_.emplace(inside<ArrowSchema>(schema_.get(), "arrow_schema"), inputs);
  source_->add(inside<ArrowArray>(array_.get(), "arrow_array"));
}

void ArrowInput::read_stream(PyObject* object, const std::vector<std::string>& inputs) {
  const Owned capsule = call(object, "__arrow_c_stream__");
  auto& stream = inside<ArrowArrayStream>(capsule.get(), "arrow_array_stream");
  if (!stream.release) throw Fault("Arrow stream: it has been released");
  StreamSchema schema;
  check(stream.get_schema(&stream, &schema.schema), stream);
  source_.emplace(schema.schema, inputs);
  for (;;) {
    ArrowArray batch{};
    check(stream.get_next(&stream, &batch), stream);
    if (!batch.release) return;   // the end
    batches_.push_back(batch);
    source_->add(batches_.back());
  }
}

}  // namespace scoring
