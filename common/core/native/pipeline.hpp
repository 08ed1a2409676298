// A scoring pipeline at work: transform graph, forest, outputs and contributions over rows, matrices and Arrow columns.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source.hpp"

namespace scoring {

// The vector instructions in use: "baseline", "avx2" or "avx512".
const char* instruction_set();

// Everything const is safe to call from many threads at once.
class Pipeline {
 public:
  Pipeline(std::string_view features_json, std::string_view forest_text);   // throws Fault
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  int32_t inputs() const;
  int32_t features() const;
  int32_t outputs() const;
  int32_t trees() const;
  int32_t iterations() const;
  const std::vector<std::string>& input_names() const;
  const std::vector<std::string>& feature_names() const;
  const std::string& objective() const;
  bool has_counts() const;              // contributions need them
  int64_t parts(bool original) const;   // numbers per row of `contributions`: outputs * (inputs or features + 1)
  double row_nanoseconds() const;       // rough time of a row in a batch, to decide what is worth a lock or a thread

  // One row of inputs() doubles to outputs() doubles. `raw` leaves the scores unconverted.
  void row(const double* x, bool raw, double* out) const;

  // Rows of `source` to rows of `out`, row-major. threads = 0 means all processors; 1 uses the caller's thread only.
  void predict(const Source& source, int64_t rows, bool raw, int threads, double* out) const;
  void transform(const Source& source, int64_t rows, int threads, double* out) const;
  // pred_contrib's layout: for each output its parts, then its bias. Throws Fault when the model carries no counts.
  void contributions(const Source& source, int64_t rows, bool original, int threads, double* out) const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace scoring
