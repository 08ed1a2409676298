/* One row at a time: scores of a row of a table or of values in order. */
#include "extension.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

Datum float8_array(const double *values, int rows, int columns) {
  int dimensions = rows > 0 ? 2 : 1;
  Size count = (Size)Max(rows, 1) * (Size)columns;
  Size size = ARR_OVERHEAD_NONULLS(dimensions) + sizeof(double) * count;
  ArrayType *array = palloc0(size);

  SET_VARSIZE(array, size);
  array->ndim = dimensions;
  array->dataoffset = 0;
  array->elemtype = FLOAT8OID;
  if (rows > 0) ARR_DIMS(array)[0] = rows;
  ARR_DIMS(array)[dimensions - 1] = columns;
  for (int i = 0; i < dimensions; ++i) ARR_LBOUND(array)[i] = 1;
  memcpy(ARR_DATA_PTR(array), values, sizeof(double) * count);
  return PointerGetDatum(array);
}

static void wrong_count(const Site *site, int given) {
  const Loaded *loaded = site->loaded;
  int inputs = scorer_inputs(loaded->scorer);
  StringInfoData names;

  initStringInfo(&names);
  for (int i = 0; i < Min(inputs, 40); ++i) appendStringInfo(&names, "%s%s", i ? ", " : "", loaded->inputs[i]);
  if (inputs > 40) appendStringInfo(&names, " and %d more", inputs - 40);
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("%d values were given, but the pipeline reads %d", given, inputs),
                  errhint("Give a row that has the columns by name, or the values in this order: %s.", names.data)));
}

/* Columns for values one by one: arguments from `first` on, or the elements of an array of one type. */
static void prepare_values(FunctionCallInfo fcinfo, Site *site, int first, Oid array_of) {
  int inputs = scorer_inputs(site->loaded->scorer);
  MemoryContext caller = MemoryContextSwitchTo(site->context);
  Column *columns = palloc0(sizeof(Column) * (Size)inputs);

  for (int i = 0; i < inputs; ++i) {
    Oid type = OidIsValid(array_of) ? array_of : get_fn_expr_argtype(fcinfo->flinfo, first + i);
    prepare_column(&columns[i], site->loaded, i, type);
  }
  MemoryContextSwitchTo(caller);
  site->by_row = false;
  site->columns = columns;
}

static void read_values(FunctionCallInfo fcinfo, Site *site, int first) {
  int given = PG_NARGS() - first, inputs = scorer_inputs(site->loaded->scorer);

  if (given != inputs) wrong_count(site, given);
  if (site->columns == NULL) prepare_values(fcinfo, site, first, InvalidOid);
  for (int i = 0; i < inputs; ++i)
    site->row[i] = PG_ARGISNULL(first + i) ? NAN : read_cell(&site->columns[i], site->loaded, PG_GETARG_DATUM(first + i));
}

static void read_array(FunctionCallInfo fcinfo, Site *site, int first) {
  ArrayType *array = PG_GETARG_ARRAYTYPE_P(first);
  Datum *values;
  bool *nulls;
  int count;
  int16 length;
  bool by_value;
  char align;

  get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
  deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &values, &nulls, &count);
  if (count != scorer_inputs(site->loaded->scorer)) wrong_count(site, count);
  if (site->columns == NULL) prepare_values(fcinfo, site, first, ARR_ELEMTYPE(array));
  for (int i = 0; i < count; ++i) site->row[i] = nulls[i] ? NAN : read_cell(&site->columns[i], site->loaded, values[i]);
}

static void prepare_row(Site *site, HeapTupleHeader row) {
  TupleDesc described = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
  MemoryContext caller = MemoryContextSwitchTo(site->context);

  site->columns = columns_of(site->loaded, described);
  site->values = palloc(sizeof(Datum) * (Size)Max(described->natts, 1));
  site->nulls = palloc(sizeof(bool) * (Size)Max(described->natts, 1));
  site->result = NULL;
  site->by_row = true;
  site->width = described->natts;
  site->row_type = HeapTupleHeaderGetTypeId(row);
  site->row_typmod = HeapTupleHeaderGetTypMod(row);
  MemoryContextSwitchTo(caller);
}

static void read_by_name(Site *site, Datum datum) {
  HeapTupleHeader row = DatumGetHeapTupleHeader(datum);
  HeapTupleData tuple;
  int inputs = scorer_inputs(site->loaded->scorer);

  if (site->columns == NULL || !site->by_row || site->row_type != HeapTupleHeaderGetTypeId(row) ||
      site->row_typmod != HeapTupleHeaderGetTypMod(row))
    prepare_row(site, row);
  tuple.t_len = HeapTupleHeaderGetDatumLength(row);
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = InvalidOid;
  tuple.t_data = row;
  {
    TupleDesc described = lookup_rowtype_tupdesc(site->row_type, site->row_typmod);
    heap_deform_tuple(&tuple, described, site->values, site->nulls);
    ReleaseTupleDesc(described);
  }
  for (int i = 0; i < inputs; ++i) {
    int place = site->columns[i].place;
    site->row[i] = site->nulls[place] ? NAN : read_cell(&site->columns[i], site->loaded, site->values[place]);
  }
}

/* Reads the arguments from `first` on into site->row; false when they are one row that is null. */
bool read_row(FunctionCallInfo fcinfo, Site *site, int first) {
  if (get_fn_expr_variadic(fcinfo->flinfo)) {
    if (PG_ARGISNULL(first)) return false;
    read_array(fcinfo, site, first);
  } else if (PG_NARGS() == first + 1 && type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, first))) {
    if (PG_ARGISNULL(first)) return false;
    read_by_name(site, PG_GETARG_DATUM(first));
  } else {
    read_values(fcinfo, site, first);
  }
  return true;
}

/* The site with its outputs computed, or NULL when the result is null. */
static Site *scored(FunctionCallInfo fcinfo, int name, int first, bool by_digest) {
  char why[ERROR_SIZE];
  Site *site;

  if (PG_ARGISNULL(name))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of the pipeline is null"),
                    errhint("scoring.pipelines lists those that are installed.")));
  site = site_of(fcinfo, name, by_digest);
  if (!read_row(fcinfo, site, first)) return NULL;
  if (scorer_row(site->loaded->scorer, site->row, site->out, why, sizeof why))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("scoring failed: %s", message_of(why))));
  return site;
}

static Datum score(FunctionCallInfo fcinfo, bool by_digest) {
  Site *site = scored(fcinfo, 0, 1, by_digest);

  if (site == NULL) PG_RETURN_NULL();
  return float8_array(site->out, 0, scorer_outputs(site->loaded->scorer));
}

static void find_label(Site *site, text *label) {
  Size size = VARSIZE_ANY_EXHDR(label);
  const Loaded *loaded = site->loaded;
  int found = -1, count = scorer_outputs(loaded->scorer);
  char *wanted;

  if (site->label != NULL && strlen(site->label) == size && memcmp(site->label, VARDATA_ANY(label), size) == 0) return;
  wanted = text_to_cstring(label);
  for (int i = 0; i < count && found < 0; ++i) {
    const char *name = scorer_label(loaded->scorer, i);
    if (name != NULL && strcmp(from_utf8(name), wanted) == 0) found = i;
  }
  if (found < 0) found = find_output(loaded, wanted);
  if (found < 0) {
    const char **names = palloc(sizeof(char *) * 2 * (Size)count);
    int known = 0;

    for (int i = 0; i < count; ++i) {
      const char *name = scorer_label(loaded->scorer, i);
      if (name != NULL) names[known++] = from_utf8(name);
      names[known++] = loaded->outputs[i];
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the pipeline has no label \"%s\"", wanted),
                    errhint("%s", nearest_hint(wanted, names, known, psprintf("The outputs are \"%s\" and so on; scoring.outputs(pipeline) lists them.", loaded->outputs[0])))));
  }
  site->label = MemoryContextStrdup(site->context, wanted);
  site->label_output = found;
}

static Datum score_label(FunctionCallInfo fcinfo, bool by_digest) {
  Site *site = scored(fcinfo, 0, 2, by_digest);

  if (site == NULL || PG_ARGISNULL(1)) PG_RETURN_NULL();
  find_label(site, PG_GETARG_TEXT_PP(1));
  PG_RETURN_FLOAT8(site->out[site->label_output]);
}

/* Which output each column of a result is; raises an error for a column that is none. Dropped columns are -1. */
void result_outputs(const Loaded *loaded, TupleDesc result, int *outputs) {
  for (int i = 0; i < result->natts; ++i) {
    Form_pg_attribute column = TupleDescAttr(result, i);

    outputs[i] = -1;
    if (column->attisdropped) continue;
    outputs[i] = find_output(loaded, NameStr(column->attname));
    if (outputs[i] < 0)
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                      errmsg("the result has a column \"%s\", which is no output of the pipeline", NameStr(column->attname)),
                      errhint("%s", nearest_hint(NameStr(column->attname), (const char *const *)loaded->outputs,
                                                 scorer_outputs(loaded->scorer), "scoring.outputs(pipeline) lists the outputs."))));
    if (column->atttypid != FLOAT8OID)
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the result's column \"%s\" is not of type double precision", NameStr(column->attname)),
                      errhint("Scores are of type double precision.")));
  }
}

static void prepare_result(FunctionCallInfo fcinfo, Site *site) {
  TupleDesc result;
  MemoryContext caller;

  if (get_call_result_type(fcinfo, NULL, &result) != TYPEFUNC_COMPOSITE)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the first argument tells the type of the result, and it is no row type"),
                    errhint("Give NULL::name_of_a_type, which scoring.create_type makes.")));
  caller = MemoryContextSwitchTo(site->context);
  site->result_outputs = palloc(sizeof(int) * (Size)Max(result->natts, 1));
  result_outputs(site->loaded, result, site->result_outputs);
  site->result = BlessTupleDesc(CreateTupleDescCopy(result));
  MemoryContextSwitchTo(caller);
}

static Datum score_as(FunctionCallInfo fcinfo, bool by_digest) {
  Site *site = scored(fcinfo, 1, 2, by_digest);
  Datum values[MaxTupleAttributeNumber];
  bool nulls[MaxTupleAttributeNumber];

  if (site == NULL) PG_RETURN_NULL();
  if (site->result == NULL) prepare_result(fcinfo, site);
  for (int i = 0; i < site->result->natts; ++i) {
    nulls[i] = site->result_outputs[i] < 0;
    values[i] = nulls[i] ? (Datum)0 : Float8GetDatum(site->out[site->result_outputs[i]]);
  }
  return HeapTupleGetDatum(heap_form_tuple(site->result, values, nulls));
}

static Datum score_json(FunctionCallInfo fcinfo, bool by_digest) {
  Site *site = scored(fcinfo, 0, 1, by_digest);
  StringInfoData json;

  if (site == NULL) PG_RETURN_NULL();
  initStringInfo(&json);
  for (int i = 0; i < scorer_outputs(site->loaded->scorer); ++i) {
    appendStringInfoString(&json, i ? "," : "{");
    escape_json(&json, site->loaded->outputs[i]);
    appendStringInfoChar(&json, ':');
    if (isnan(site->out[i]))
      appendStringInfoString(&json, "null");
    else if (isinf(site->out[i])) /* JSON has no number for it */
      appendStringInfoString(&json, site->out[i] > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
      appendStringInfoString(&json, double_to_shortest_decimal(site->out[i]));
  }
  appendStringInfoChar(&json, '}');
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Each function twice: by the name of a pipeline or by a digest, which alone is immutable. */
#define FUNCTION(name)                                                            \
  PG_FUNCTION_INFO_V1(scoring_##name);                                            \
  Datum scoring_##name(PG_FUNCTION_ARGS) { return name(fcinfo, false); }          \
  PG_FUNCTION_INFO_V1(scoring_##name##_fixed);                                    \
  Datum scoring_##name##_fixed(PG_FUNCTION_ARGS) { return name(fcinfo, true); }

FUNCTION(score)
FUNCTION(score_label)
FUNCTION(score_as)
FUNCTION(score_json)

static bool is_original(text *kind) {
  char *name = text_to_cstring(kind);
  static const char *const kinds[] = {"original", "transformed"};

  if (strcmp(name, kinds[0]) == 0) return true;
  if (strcmp(name, kinds[1]) != 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are no contributions of the kind \"%s\"", name),
                    errhint("%s", nearest_hint(name, kinds, 2, "Ask for original or transformed."))));
  return false;
}

static double *contributions(FunctionCallInfo fcinfo, Site *site, bool original, int *groups, int *parts) {
  char why[ERROR_SIZE];
  double *out;

  *groups = scorer_groups(site->loaded->scorer);
  *parts = scorer_parts(site->loaded->scorer, original);
  if (*parts == 0)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("the pipeline's forest carries no counts, which contributions need"),
                    errhint("Pack the model from the text that Booster.save_model writes.")));
  out = palloc(sizeof(double) * (Size)*groups * (Size)*parts);
  if (scorer_contributions(site->loaded->scorer, site->row, original, out, why, sizeof why))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("contributions failed: %s", message_of(why))));
  return out;
}

/* contributions(pipeline, kind, row) returns float8[][]: for each group its parts, the bias last. */
PG_FUNCTION_INFO_V1(scoring_contributions_of);
Datum scoring_contributions_of(PG_FUNCTION_ARGS) {
  Site *site;
  int groups, parts;
  double *out;

  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
  site = site_of(fcinfo, 0, false);
  if (!read_row(fcinfo, site, 2)) PG_RETURN_NULL();
  out = contributions(fcinfo, site, is_original(PG_GETARG_TEXT_PP(1)), &groups, &parts);
  return float8_array(out, groups, parts);
}

/* contribution(pipeline, row, kind) returns table (output, field, contribution). */
PG_FUNCTION_INFO_V1(scoring_contribution);
Datum scoring_contribution(PG_FUNCTION_ARGS) {
  ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
  bool original = is_original(PG_GETARG_TEXT_PP(2));
  Site *site = site_of(fcinfo, 0, false);
  int groups, parts;
  double *out;
  const scorer *opened = site->loaded->scorer;

  InitMaterializedSRF(fcinfo, 0);
  read_by_name(site, PG_GETARG_DATUM(1));
  out = contributions(fcinfo, site, original, &groups, &parts);
  for (int group = 0; group < groups; ++group) {
    /* The raw score of a binomial pipeline is that of its second label. */
    int output = groups == 1 ? scorer_outputs(opened) - 1 : group;
    for (int part = 0; part < parts; ++part) {
      bool nulls[3] = {false, false, false};
      Datum values[3] = {CStringGetTextDatum(site->loaded->outputs[output]),
                         CStringGetTextDatum(from_utf8(scorer_part(opened, original, part))),
                         Float8GetDatum(out[(Size)group * (Size)parts + (Size)part])};
      nulls[1] = part == parts - 1; /* the bias is of no field */
      tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
  }
  return (Datum)0;
}
