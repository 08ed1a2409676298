/* Many rows: a query's rows are scored 1024 at a time as they come, so that memory is bounded by the batch. */
#include "extension.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#define BATCH 1024

/* A column of the result: an output of the pipeline, or a column of the query that is passed on. */
typedef struct Source {
  int output; /* or -1 */
  int place;  /* of the query's column, or -1 for a dropped column of the result */
  int carried; /* its place among those that are passed on */
  int16 length;
  bool by_value;
} Source;

typedef struct Batch {
  DestReceiver receiver;
  Loaded *loaded;
  ReturnSetInfo *result;
  int inputs, outputs, carried, width;
  Column *columns;
  Source *sources;
  double *rows, *scores;
  Datum *values; /* of a row of the result */
  bool *nulls;
  Datum *kept; /* BATCH rows of what is passed on */
  bool *kept_nulls;
  MemoryContext context; /* of what is there as long as the query */
  MemoryContext scratch; /* of what is there as long as a batch */
  int count;
} Batch;

static void unknown_column(const Batch *batch, TupleDesc query, const char *name) {
  const char **names = palloc(sizeof(char *) * (Size)(query->natts + batch->outputs));
  int count = 0;

  for (int i = 0; i < batch->outputs; ++i) names[count++] = batch->loaded->outputs[i];
  for (int i = 0; i < query->natts; ++i) names[count++] = NameStr(TupleDescAttr(query, i)->attname);
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                  errmsg("the result has a column \"%s\", which is neither an output of the pipeline nor a column of the query", name),
                  errhint("%s", nearest_hint(name, names, count, "scoring.outputs(pipeline) lists the outputs."))));
}

static void prepare_source(Batch *batch, TupleDesc query, int number) {
  Form_pg_attribute wanted = TupleDescAttr(batch->result->setDesc, number);
  const char *name = NameStr(wanted->attname);
  Source *source = &batch->sources[number];

  source->output = source->place = -1;
  if (wanted->attisdropped) return;
  source->output = find_output(batch->loaded, name);
  if (source->output >= 0) {
    if (wanted->atttypid != FLOAT8OID)
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the result's column \"%s\" is not of type double precision", name),
                      errhint("Scores are of type double precision.")));
    return;
  }
  source->place = find_column(query, name);
  if (source->place < 0) unknown_column(batch, query, name);
  if (wanted->atttypid != TupleDescAttr(query, source->place)->atttypid)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("the result's column \"%s\" is of type %s, but the query's is of type %s", name, format_type_be(wanted->atttypid),
                           format_type_be(TupleDescAttr(query, source->place)->atttypid)),
                    errhint("Name the query's type in the list of columns, or cast the column in the query.")));
  source->carried = batch->carried++;
  get_typlenbyval(wanted->atttypid, &source->length, &source->by_value);
}

static void start(DestReceiver *self, int operation, TupleDesc query) {
  Batch *batch = (Batch *)self;
  MemoryContext caller = MemoryContextSwitchTo(batch->context);

  batch->width = batch->result->setDesc->natts;
  batch->columns = columns_of(batch->loaded, query);
  batch->sources = palloc0(sizeof(Source) * (Size)batch->width);
  for (int i = 0; i < batch->width; ++i) prepare_source(batch, query, i);
  batch->rows = MemoryContextAllocHuge(batch->context, sizeof(double) * BATCH * (Size)batch->inputs);
  batch->scores = palloc(sizeof(double) * BATCH * (Size)batch->outputs);
  batch->values = palloc(sizeof(Datum) * (Size)batch->width);
  batch->nulls = palloc(sizeof(bool) * (Size)batch->width);
  batch->kept = MemoryContextAllocHuge(batch->context, sizeof(Datum) * BATCH * (Size)Max(batch->carried, 1));
  batch->kept_nulls = palloc(sizeof(bool) * BATCH * (Size)Max(batch->carried, 1));
  MemoryContextSwitchTo(caller);
}

static void flush(Batch *batch) {
  char why[ERROR_SIZE];

  CHECK_FOR_INTERRUPTS();
  if (scorer_batch(batch->loaded->scorer, batch->rows, batch->count, batch->scores, why, sizeof why))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("scoring failed: %s", message_of(why))));
  for (int row = 0; row < batch->count; ++row) {
    for (int i = 0; i < batch->width; ++i) {
      const Source *source = &batch->sources[i];

      batch->nulls[i] = source->output < 0;
      if (source->output >= 0) {
        batch->values[i] = Float8GetDatum(batch->scores[(Size)row * (Size)batch->outputs + (Size)source->output]);
      } else if (source->place >= 0) {
        Size kept = (Size)row * (Size)batch->carried + (Size)source->carried;
        batch->values[i] = batch->kept[kept];
        batch->nulls[i] = batch->kept_nulls[kept];
      }
    }
    tuplestore_putvalues(batch->result->setResult, batch->result->setDesc, batch->values, batch->nulls);
  }
  batch->count = 0;
  MemoryContextReset(batch->scratch);
}

static bool receive(TupleTableSlot *slot, DestReceiver *self) {
  Batch *batch = (Batch *)self;
  double *row = batch->rows + (Size)batch->count * (Size)batch->inputs;
  MemoryContext caller = MemoryContextSwitchTo(batch->scratch);

  slot_getallattrs(slot);
  for (int i = 0; i < batch->inputs; ++i) {
    Column *column = &batch->columns[i];
    Datum value = slot->tts_values[column->place];

    if (slot->tts_isnull[column->place])
      row[i] = NAN;
    else if (column->plain && column->type == FLOAT8OID)
      row[i] = DatumGetFloat8(value);
    else
      row[i] = read_cell(column, batch->loaded, value);
  }
  if (batch->carried > 0) {
    Size first = (Size)batch->count * (Size)batch->carried;

    for (int i = 0; i < batch->width; ++i) {
      const Source *source = &batch->sources[i];
      Size kept = first + (Size)source->carried;

      if (source->place < 0) continue;
      batch->kept_nulls[kept] = slot->tts_isnull[source->place];
      if (!batch->kept_nulls[kept]) batch->kept[kept] = datumCopy(slot->tts_values[source->place], source->by_value, source->length);
    }
  }
  MemoryContextSwitchTo(caller);
  if (++batch->count == BATCH) flush(batch);
  return true;
}

static void end(DestReceiver *self) {}

static SPIPlanPtr prepare_query(const char *query) {
  SPIPlanPtr plan = SPI_prepare_cursor(query, 0, NULL, CURSOR_OPT_PARALLEL_OK);

  if (plan == NULL || !SPI_is_cursor_plan(plan))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the text is not one query that gives rows"),
                    errhint("Give a single SELECT without parameters.")));
  return plan;
}

/* score_rows(pipeline, query) returns setof record; score_rows(type, pipeline, query) returns setof that type. */
static Datum score_rows(FunctionCallInfo fcinfo, int first) {
  ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
  Batch batch = {{receive, start, end, end, DestNone}};
  SPIExecuteOptions options = {0};
  char *query;
  int done;

  if (PG_ARGISNULL(first) || PG_ARGISNULL(first + 1))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the pipeline or the query is null"), errhint("Give both.")));
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  query = text_to_cstring(PG_GETARG_TEXT_PP(first + 1));
  batch.result = result;
  batch.loaded = find_pipeline(text_to_cstring(PG_GETARG_TEXT_PP(first)), false);
  batch.context = AllocSetContextCreate(CurrentMemoryContext, "scoring batch", ALLOCSET_DEFAULT_SIZES);
  batch.scratch = AllocSetContextCreate(batch.context, "scoring rows", ALLOCSET_DEFAULT_SIZES);
  batch.inputs = scorer_inputs(batch.loaded->scorer);
  batch.outputs = scorer_outputs(batch.loaded->scorer);
  pin_pipeline(batch.loaded, batch.context);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  options.read_only = true;
  options.must_return_tuples = true;
  options.dest = &batch.receiver;
  done = SPI_execute_plan_extended(prepare_query(query), &options);
  if (done < 0) elog(ERROR, "the query failed: %s", SPI_result_code_string(done));
  if (batch.count > 0) flush(&batch);
  SPI_finish();
  MemoryContextDelete(batch.context);
  return (Datum)0;
}

PG_FUNCTION_INFO_V1(scoring_score_rows);
Datum scoring_score_rows(PG_FUNCTION_ARGS) { return score_rows(fcinfo, 0); }

PG_FUNCTION_INFO_V1(scoring_score_rows_as);
Datum scoring_score_rows_as(PG_FUNCTION_ARGS) { return score_rows(fcinfo, 1); }
