/* Cells: values of PostgreSQL's types to the doubles that the engine takes, by the rules of the HTTP contract. */
#include "extension.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

static const char *const wanted[] = {"a number", "true or false", "text", "a date or timestamp"};
static const char *const advice[] = {
    "Give a number, a text such as '5.1', true or false, or null for a missing value.",
    "Give true or false, 1 or 0, or null for a missing value.",
    "Give a text, a number or a boolean, or null for a missing value.",
    "Give a date, a timestamp, a text such as '2018-01-31T23:59:59Z', seconds since 1970-01-01 UTC, or null for a missing value."};

static void refuse_cell(const Column *column, const Loaded *loaded) {
  int kind;

  scorer_input(loaded->scorer, column->input, &kind, NULL);
  ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("field \"%s\": a value of type %s was given that is not %s", loaded->inputs[column->input],
                         format_type_be(column->type), wanted[kind]),
                  errhint("%s", advice[kind])));
}

static bool is_textual(Oid type) { return type == TEXTOID || type == VARCHAROID || type == BPCHAROID; }

/* Raises an error when the field cannot be read from a column of this type. */
void prepare_column(Column *column, const Loaded *loaded, int input, Oid type) {
  int kind, plain;
  Oid base = getBaseType(type);
  bool fits;

  scorer_input(loaded->scorer, input, &kind, &plain);
  column->input = input;
  column->type = base;
  column->plain = plain;
  column->is_time = kind == SCORER_TIME;
  column->out.fn_oid = InvalidOid;
  switch (base) {
    case BOOLOID:
      fits = kind != SCORER_TIME;
      break;
    case DATEOID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
      fits = kind == SCORER_TIME;
      break;
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case FLOAT4OID:
    case FLOAT8OID:
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
    case UNKNOWNOID:
      fits = true;
      break;
    case NUMERICOID:
      fits = true;
      break;
    default: { /* enumerations, name, citext and their like */
      char category = TypeCategory(base);
      fits = category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM;
    }
  }
  if (!fits)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("field \"%s\": a column of type %s was given, but %s is wanted", loaded->inputs[input],
                           format_type_be(type), wanted[kind]),
                    errhint("%s", advice[kind])));
  if (base == NUMERICOID || TypeCategory(base) == TYPCATEGORY_ENUM ||
      (TypeCategory(base) == TYPCATEGORY_STRING && !is_textual(base))) {
    Oid function;
    bool varlena;

    getTypeOutputInfo(base, &function, &varlena);
    fmgr_info(function, &column->out);
  }
}

static double read_text(const Column *column, const Loaded *loaded, const char *text, int size) {
  char *utf8 = pg_server_to_any(text, size, PG_UTF8);
  double value;

  if (scorer_text_cell(loaded->scorer, column->input, utf8, utf8 == text ? (size_t)size : strlen(utf8), &value))
    refuse_cell(column, loaded);
  if (utf8 != text) pfree(utf8);
  return value;
}

static double read_number(const Column *column, const Loaded *loaded, double number) {
  double value;

  if (scorer_number_cell(loaded->scorer, column->input, number, &value)) refuse_cell(column, loaded);
  return value;
}

static double read_whole(const Column *column, const Loaded *loaded, int64 number) {
  double value;

  if (scorer_whole_cell(loaded->scorer, column->input, number, &value)) refuse_cell(column, loaded);
  return value;
}

static double read_numeric(Column *column, const Loaded *loaded, Datum value) {
  char *text;
  int kind;

  if (numeric_is_nan(DatumGetNumeric(value))) return NAN;
  text = OutputFunctionCall(&column->out, value);
  scorer_input(loaded->scorer, column->input, &kind, NULL);
  /* As a text a number keeps all its digits; a boolean and a time want its value. */
  if (kind == SCORER_NUMBER || kind == SCORER_TEXT) return read_text(column, loaded, text, (int)strlen(text));
  return read_number(column, loaded, strtod(text, NULL));
}

static double read_instant(const Column *column, const Loaded *loaded, Datum value) {
  if (column->type == DATEOID) {
    DateADT date = DatumGetDateADT(value);
    if (DATE_NOT_FINITE(date)) refuse_cell(column, loaded);
    return ((double)date + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)) * SECS_PER_DAY;
  }
  if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value))) refuse_cell(column, loaded);
  return scorer_seconds(DatumGetTimestamp(value));
}

/* A value that is not null. */
double read_cell(Column *column, const Loaded *loaded, Datum value) {
  double read;

  switch (column->type) {
    case FLOAT8OID:
      return column->plain ? DatumGetFloat8(value) : read_number(column, loaded, DatumGetFloat8(value));
    case FLOAT4OID:
      return column->plain ? (double)DatumGetFloat4(value) : read_number(column, loaded, (double)DatumGetFloat4(value));
    case INT2OID:
      return column->plain ? (double)DatumGetInt16(value) : read_whole(column, loaded, DatumGetInt16(value));
    case INT4OID:
      return column->plain ? (double)DatumGetInt32(value) : read_whole(column, loaded, DatumGetInt32(value));
    case INT8OID:
      return column->plain ? (double)DatumGetInt64(value) : read_whole(column, loaded, DatumGetInt64(value));
    case BOOLOID:
      if (scorer_truth_cell(loaded->scorer, column->input, DatumGetBool(value), &read)) refuse_cell(column, loaded);
      return read;
    case NUMERICOID:
      return read_numeric(column, loaded, value);
    case DATEOID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
      return read_instant(column, loaded, value);
    case UNKNOWNOID: { /* a literal without a type */
      const char *text = DatumGetCString(value);
      return read_text(column, loaded, text, (int)strlen(text));
    }
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID: {
      text *packed = DatumGetTextPP(value);
      return read_text(column, loaded, VARDATA_ANY(packed), (int)VARSIZE_ANY_EXHDR(packed));
    }
    default: {
      char *text = OutputFunctionCall(&column->out, value);
      return read_text(column, loaded, text, (int)strlen(text));
    }
  }
}
