/* What the parts of the extension know of each other. All of this is C: PostgreSQL's errors may jump out of any of it. */
#ifndef SCORING_EXTENSION_H
#define SCORING_EXTENSION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h" /* part of postgres.h before */
#endif

#include "pipeline.h"

#ifdef pg_noreturn /* since PostgreSQL 18 */
#define NEVER_RETURNS pg_noreturn
#else
#define NEVER_RETURNS __attribute__((noreturn))
#endif

#define DIGEST_SIZE 64 /* of a sha256 in hexadecimal */
#define ERROR_SIZE 512

/* A pipeline that this backend keeps open. */
typedef struct Loaded {
  struct Loaded *next;
  char digest[DIGEST_SIZE + 1];
  MemoryContext context; /* its end closes the pipeline */
  scorer *scorer;
  char **inputs;  /* names in the server's encoding */
  char **columns; /* the same, cut as the names of columns are */
  char **outputs;
  char **output_columns;
  int pins; /* call sites that use it */
  uint64 used;
} Loaded;

/* How a column's values reach one input. */
typedef struct Column {
  int input;
  int place; /* number of the column, from 0 */
  Oid type;  /* without domains */
  bool plain; /* a double of it is the number itself */
  bool is_time;
  FmgrInfo out; /* the type's output function, for texts that are not stored as text */
} Column;

/* One place in a query where a pipeline is called; lives as long as the query's plan is executed. */
typedef struct Site {
  Loaded *loaded;
  MemoryContext context;
  char *name; /* as the call has it */
  bool by_digest;
  TimestampTz statement; /* that the name was looked up in */
  CommandId command;
  double *row; /* of inputs */
  double *out; /* of outputs */
  Oid row_type; /* that `columns` are of, when a row is given */
  int32 row_typmod;
  int width; /* columns of the row */
  bool by_row; /* and not arguments one by one */
  Column *columns;
  Datum *values;
  bool *nulls;
  TupleDesc result; /* of a composite result */
  int *result_outputs;
  char *label;
  int label_output;
} Site;

/* artifact.c */
extern char *digest_of(const void *data, size_t size); /* sha256 in hexadecimal */
extern scorer *open_artifact(MemoryContext context, const void *data, size_t size);

/* cache.c */
extern void define_settings(void);
extern Loaded *find_pipeline(const char *name, bool by_digest);
extern void pin_pipeline(Loaded *loaded, MemoryContext context);
extern Site *site_of(FunctionCallInfo fcinfo, int argument, bool by_digest);

/* names.c */
extern char *from_utf8(const char *name);
extern char *message_of(const char *why);
extern char *cut(const char *name);
extern const char *nearest_name(const char *name, const char *const *names, int count);
extern const char *nearest_hint(const char *name, const char *const *names, int count, const char *otherwise);
extern int find_output(const Loaded *loaded, const char *name);
extern int find_column(TupleDesc described, const char *name);
NEVER_RETURNS extern void missing_column(const Loaded *loaded, int input, TupleDesc described);
extern Column *columns_of(const Loaded *loaded, TupleDesc described);

/* cell.c */
extern void prepare_column(Column *column, const Loaded *loaded, int input, Oid type);
extern double read_cell(Column *column, const Loaded *loaded, Datum value);

/* row.c */
extern bool read_row(FunctionCallInfo fcinfo, Site *site, int first);
extern Datum float8_array(const double *values, int rows, int columns);
extern void result_outputs(const Loaded *loaded, TupleDesc result, int *outputs);

#endif
