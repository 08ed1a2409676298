// Columns in Arrow's memory layout, read in place through the Arrow C data interface.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "source.hpp"

// The interface's own definitions (https://arrow.apache.org/docs/format/CDataInterface.html): a fixed ABI.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
}
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
extern "C" {
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
}
#endif

namespace scoring {

// Record batches of one schema, one after the other. Integers, floats and booleans as they are; dates and timestamps as seconds since
// 1970-01-01; a dictionary-encoded column as its indices; null as NaN. Every other type is refused by the column's name.
// Keeps pointers into the arrays: they must outlive it.
class ArrowSource final : public Source {
 public:
  // `inputs` are the pipeline's, in order; throws Fault naming the column that does not fit.
  ArrowSource(const ArrowSchema& schema, const std::vector<std::string>& inputs);

  void add(const ArrowArray& batch);   // throws Fault when its lengths, offsets or pointers do not fit together
  int64_t rows() const { return rows_; }
  void gather(int64_t first, int rows, double* const* columns) const override;

 private:
  struct Type {
    std::string label;   // "column 2 (age)", for messages
    int64_t buffers = 2;
    // Writes `rows` values from number `first` of a buffer of values on; null for a column of nothing but nulls.
    void (*convert)(const void* values, int64_t first, int rows, double* out) = nullptr;
  };
  struct Column {
    const uint8_t* valid = nullptr;   // bits; null when every value is there
    const void* values = nullptr;
    int64_t offset = 0;
  };
  struct Batch {
    int64_t first, rows, offset;
    const uint8_t* valid;
    std::vector<Column> columns;
  };

  static void read(const Type& type, const Batch& batch, const Column& column, int64_t first, int rows, double* out);

  std::vector<Type> types_;
  std::vector<Batch> batches_;
  int64_t rows_ = 0;
};

}  // namespace scoring
