/* An artifact opened for scoring, for callers in C. Nothing here throws, and nothing here calls PostgreSQL: its errors jump over
 * the destructors of C++, so the two never share a frame.
 *
 * Functions that can fail return 0 on success and else write a message in UTF-8, ended by a NUL, into `error`.
 */
#ifndef SCORING_PIPELINE_H
#define SCORING_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct scorer scorer;

enum { SCORER_NUMBER, SCORER_BOOLEAN, SCORER_TEXT, SCORER_TIME };

/* Unpacks an artifact and reads its manifest; NULL when it is refused. */
scorer *scorer_read(const void *data, size_t size, char *error, size_t error_size);
void scorer_close(scorer *opened); /* NULL is allowed */

/* The members that the manifest has digests of, so that the caller can compare them; they are there until scorer_open. */
int scorer_members(const scorer *opened);
const void *scorer_member(const scorer *opened, int number, size_t *size, const char **name, const char **sha256);

/* Makes it ready to score. */
int scorer_open(scorer *opened, char *error, size_t error_size);

const char *scorer_manifest(const scorer *opened, size_t *size);
const char *scorer_task(const scorer *opened);
int scorer_inputs(const scorer *opened);
const char *scorer_input(const scorer *opened, int input, int *kind, int *plain);
int scorer_outputs(const scorer *opened); /* columns: two for a binomial pipeline */
const char *scorer_output(const scorer *opened, int output);
const char *scorer_label(const scorer *opened, int output); /* NULL for a regression */
int scorer_groups(const scorer *opened);   /* of contributions: one but for a multinomial pipeline */
int scorer_parts(const scorer *opened, int original);       /* of a group, the bias included; 0 when there are none */
const char *scorer_part(const scorer *opened, int original, int part); /* name of a field or feature, or "bias" */

/* Cells to the doubles that the engine takes; 0 when the field can read it. */
int scorer_text_cell(const scorer *opened, int input, const char *text, size_t size, double *value);
int scorer_number_cell(const scorer *opened, int input, double number, double *value);
int scorer_whole_cell(const scorer *opened, int input, int64_t number, double *value);
int scorer_truth_cell(const scorer *opened, int input, int truth, double *value);
/* Microseconds since 2000-01-01, as PostgreSQL counts time, to the nearest double of seconds since 1970-01-01. */
double scorer_seconds(int64_t microseconds);

/* Rows of scorer_inputs() doubles to rows of scorer_outputs() doubles. */
int scorer_row(const scorer *opened, const double *row, double *out, char *error, size_t error_size);
int scorer_batch(const scorer *opened, const double *rows, int64_t count, double *out, char *error, size_t error_size);
/* One row to scorer_groups() times scorer_parts() doubles. */
int scorer_contributions(const scorer *opened, const double *row, int original, double *out, char *error, size_t error_size);

#ifdef __cplusplus
}
#endif

#endif
