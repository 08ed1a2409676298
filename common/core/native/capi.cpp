// scoring.h: the pipeline behind a C ABI.
#include "scoring.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "fault.hpp"
#include "pipeline.hpp"

struct scoring_pipeline {
  scoring::Pipeline engine;
};

namespace {

void report(const char* message, char* error, size_t size) {
  if (!error || size == 0) return;
  const size_t length = std::min(std::strlen(message), size - 1);
  std::memcpy(error, message, length);
  error[length] = '\0';
}

// Runs `body`; 0 when it returns, otherwise the message and 1.
template <class Body>
int guarded(char* error, size_t size, Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    report("out of memory", error, size);
  } catch (const std::exception& fault) {
    report(fault.what(), error, size);
  } catch (...) {
    report("unknown error", error, size);
  }
  return 1;
}

scoring::Matrix matrix(const scoring_pipeline* pipeline, const scoring_matrix& rows) {
  if (rows.type != SCORING_FLOAT64 && rows.type != SCORING_FLOAT32)
    throw scoring::Fault("scoring_matrix.type is neither SCORING_FLOAT64 nor SCORING_FLOAT32");
  if (rows.rows < 0) throw scoring::Fault("scoring_matrix.rows is negative");
  return {rows.data, pipeline->engine.inputs(), rows.row_stride, rows.column_stride, rows.type == SCORING_FLOAT32};
}

const char* name(const std::vector<std::string>& names, int32_t number) {
  return number >= 0 && static_cast<size_t>(number) < names.size() ? names[static_cast<size_t>(number)].c_str() : nullptr;
}

}  // namespace

int32_t scoring_abi(void) { return SCORING_ABI; }

const char* scoring_isa(void) { return scoring::instruction_set(); }

scoring_pipeline* scoring_open(const void* features_json, size_t features_size, const void* forest_text, size_t forest_size,
                               char* error, size_t error_size) {
  scoring_pipeline* opened = nullptr;
  guarded(error, error_size, [&] {
    opened = new scoring_pipeline{{std::string_view(static_cast<const char*>(features_json), features_size),
                                   std::string_view(static_cast<const char*>(forest_text), forest_size)}};
  });
  return opened;
}

void scoring_close(scoring_pipeline* pipeline) { delete pipeline; }

int32_t scoring_inputs(const scoring_pipeline* pipeline) { return pipeline->engine.inputs(); }
int32_t scoring_features(const scoring_pipeline* pipeline) { return pipeline->engine.features(); }
int32_t scoring_outputs(const scoring_pipeline* pipeline) { return pipeline->engine.outputs(); }
int32_t scoring_trees(const scoring_pipeline* pipeline) { return pipeline->engine.trees(); }
int32_t scoring_has_counts(const scoring_pipeline* pipeline) { return pipeline->engine.has_counts(); }
const char* scoring_input_name(const scoring_pipeline* pipeline, int32_t input) {
  return name(pipeline->engine.input_names(), input);
}
const char* scoring_feature_name(const scoring_pipeline* pipeline, int32_t feature) {
  return name(pipeline->engine.feature_names(), feature);
}
int64_t scoring_parts(const scoring_pipeline* pipeline, int original) { return pipeline->engine.parts(original != 0); }

int scoring_row(const scoring_pipeline* pipeline, const double* row, int raw, double* out, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { pipeline->engine.row(row, raw != 0, out); });
}

int scoring_predict(const scoring_pipeline* pipeline, const scoring_matrix* rows, int raw, int threads, double* out, char* error,
                    size_t error_size) {
  return guarded(error, error_size, [&] { pipeline->engine.predict(matrix(pipeline, *rows), rows->rows, raw != 0, threads, out); });
}

int scoring_transform(const scoring_pipeline* pipeline, const scoring_matrix* rows, int threads, double* out, char* error,
                      size_t error_size) {
  return guarded(error, error_size, [&] { pipeline->engine.transform(matrix(pipeline, *rows), rows->rows, threads, out); });
}

int scoring_contributions(const scoring_pipeline* pipeline, const scoring_matrix* rows, int original, int threads, double* out,
                          char* error, size_t error_size) {
  return guarded(error, error_size,
                 [&] { pipeline->engine.contributions(matrix(pipeline, *rows), rows->rows, original != 0, threads, out); });
}
