/* The scoring engine for any language that can call C.
 *
 * A pipeline is opened from the contents of an artifact's two members features.json and forest-0.txt, and closed with
 * scoring_close. An open pipeline never changes: any number of threads may use it at once.
 *
 * Functions that can fail return 0 on success (scoring_open: a handle) and write a message, ended by a NUL and cut to fit, into
 * `error`, which may be NULL. No function throws, exits or prints.
 *
 * A missing number is a NaN; a category is its code, its index into the field's categories; an unseen category is -1.
 */
#ifndef SCORING_H
#define SCORING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define SCORING_API __declspec(dllexport)
#else
#define SCORING_API __attribute__((visibility("default")))
#endif

#define SCORING_ABI 1 /* grows when a function changes; compare with scoring_abi() */

typedef struct scoring_pipeline scoring_pipeline;

enum { SCORING_FLOAT64 = 0, SCORING_FLOAT32 = 1 };

/* Rows of input values anywhere in memory. Strides are in bytes and may be negative or 0. */
typedef struct scoring_matrix {
  const void* data; /* row 0, column 0 */
  int64_t rows;
  int64_t row_stride;    /* from a row to the next */
  int64_t column_stride; /* from an input to the next */
  int32_t type;          /* SCORING_FLOAT64 or SCORING_FLOAT32 */
} scoring_matrix;

SCORING_API int32_t scoring_abi(void);         /* SCORING_ABI of the library */
SCORING_API const char* scoring_isa(void);     /* vector instructions in use: "baseline", "avx2" or "avx512" */

SCORING_API scoring_pipeline* scoring_open(const void* features_json, size_t features_size, const void* forest_text, size_t forest_size,
                                           char* error, size_t error_size);
SCORING_API void scoring_close(scoring_pipeline* pipeline); /* NULL is allowed */

SCORING_API int32_t scoring_inputs(const scoring_pipeline* pipeline);   /* columns of a row */
SCORING_API int32_t scoring_features(const scoring_pipeline* pipeline); /* columns after the transforms */
SCORING_API int32_t scoring_outputs(const scoring_pipeline* pipeline);  /* results of a row: 1 for regression and binary */
SCORING_API int32_t scoring_trees(const scoring_pipeline* pipeline);
SCORING_API int32_t scoring_has_counts(const scoring_pipeline* pipeline); /* 1 when contributions can be worked out */
/* Names in UTF-8, valid until scoring_close; NULL for a number out of range. */
SCORING_API const char* scoring_input_name(const scoring_pipeline* pipeline, int32_t input);
SCORING_API const char* scoring_feature_name(const scoring_pipeline* pipeline, int32_t feature);

/* One row: scoring_inputs() doubles to scoring_outputs() doubles. raw != 0 leaves out the link function. The quickest call there is. */
SCORING_API int scoring_row(const scoring_pipeline* pipeline, const double* row, int raw, double* out, char* error, size_t error_size);

/* Many rows. `out` is row-major. threads: 1 uses the caller's thread only, 0 all processors. */
SCORING_API int scoring_predict(const scoring_pipeline* pipeline, const scoring_matrix* rows, int raw, int threads, double* out,
                                char* error, size_t error_size); /* rows x scoring_outputs() */
SCORING_API int scoring_transform(const scoring_pipeline* pipeline, const scoring_matrix* rows, int threads, double* out, char* error,
                                  size_t error_size); /* rows x scoring_features() */
/* Parts of the raw scores: for each output one part for each input (original != 0) or feature, then the bias. */
SCORING_API int scoring_contributions(const scoring_pipeline* pipeline, const scoring_matrix* rows, int original, int threads,
                                      double* out, char* error, size_t error_size); /* rows x scoring_parts() */
SCORING_API int64_t scoring_parts(const scoring_pipeline* pipeline, int original);

#ifdef __cplusplus
}
#endif

#endif
