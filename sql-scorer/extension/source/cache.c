/* Pipelines that this backend keeps open, by digest: what a digest names never changes, so nothing here grows stale. Which digest a
 * name stands for is asked of scoring.pipelines in every statement, under its snapshot and with the rights of its user. */
#include "extension.h"

#include <limits.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define COLUMN_DIGEST 1

typedef struct Pin {
  MemoryContextCallback callback;
  Loaded *loaded;
} Pin;

static Loaded *first;
static int most = 16;
static uint64 uses;
static SPIPlanPtr by_name_plan, by_digest_plan, artifact_plan, names_plan;

void define_settings(void) {
  DefineCustomIntVariable("scoring.cached_pipelines", "Pipelines that a session keeps open.",
                          "One that a query uses stays open in any case.", &most, 16, 1, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
  MarkGUCPrefixReserved("scoring");
}

static SPIPlanPtr plan(SPIPlanPtr *kept, const char *query, int arguments) {
  static Oid types[] = {TEXTOID};

  if (*kept == NULL) {
    SPIPlanPtr made = SPI_prepare(query, arguments, types);
    if (made == NULL || SPI_keepplan(made)) elog(ERROR, "a query of scoring cannot be prepared");
    *kept = made;
  }
  return *kept;
}

/* The first column of the first row, as text in `context`; NULL when there is no row. */
static char *find_text(SPIPlanPtr query, const char *key, MemoryContext context) {
  Datum argument = CStringGetTextDatum(key);
  char *found;

  if (SPI_execute_plan(query, &argument, NULL, true, 1) != SPI_OK_SELECT) elog(ERROR, "a query of scoring failed");
  if (SPI_processed == 0) return NULL;
  found = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, COLUMN_DIGEST);
  return MemoryContextStrdup(context, found);
}

static bool is_digest(const char *name) {
  return strlen(name) == DIGEST_SIZE && strspn(name, "0123456789abcdef") == DIGEST_SIZE;
}

static void no_pipeline(const char *name, bool digest) {
  const char **names;
  int count;

  if (digest)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no pipeline with the digest %s", name),
                    errhint("scoring.pipelines lists those that are installed; scoring.install(name, artifact) adds one.")));
  if (SPI_execute_plan(plan(&names_plan, "SELECT name FROM scoring.pipelines WHERE active", 0), NULL, NULL, true, 1000) != SPI_OK_SELECT)
    elog(ERROR, "a query of scoring failed");
  count = (int)SPI_processed;
  names = palloc0(sizeof(char *) * (Size)Max(count, 1));
  for (int i = 0; i < count; ++i) names[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no active pipeline \"%s\"", name),
                  errhint("%s", nearest_hint(name, names, count, "scoring.install(name, artifact) adds one."))));
}

static char **names_in(MemoryContext context, char **columns, const scorer *opened, int count,
                       const char *(*name_of)(const scorer *, int)) {
  char **names = MemoryContextAlloc(context, sizeof(char *) * (Size)count);

  for (int i = 0; i < count; ++i) {
    names[i] = MemoryContextStrdup(context, from_utf8(name_of(opened, i)));
    columns[i] = MemoryContextStrdup(context, cut(names[i]));
  }
  return names;
}

static const char *input_name(const scorer *opened, int input) { return scorer_input(opened, input, NULL, NULL); }

static void check_distinct(char **columns, int count, const char *what) {
  const char **sorted = palloc(sizeof(char *) * (Size)count);

  memcpy(sorted, columns, sizeof(char *) * (Size)count);
  qsort(sorted, (size_t)count, sizeof(char *), pg_qsort_strcmp);
  for (int i = 1; i < count; ++i) {
    if (strcmp(sorted[i - 1], sorted[i]) == 0)
      ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                      errmsg("two %s of the pipeline begin alike, \"%s\", and a column's name ends there", what, sorted[i]),
                      errhint("Train the pipeline with names of at most %d bytes.", NAMEDATALEN - 1)));
  }
}

static void make_room(void) {
  for (;;) {
    Loaded **oldest = NULL;
    int count = 0;

    for (Loaded **at = &first; *at != NULL; at = &(*at)->next) {
      ++count;
      if ((*at)->pins == 0 && (oldest == NULL || (*at)->used < (*oldest)->used)) oldest = at;
    }
    if (count < most || oldest == NULL) return;
    {
      Loaded *gone = *oldest;
      *oldest = gone->next;
      MemoryContextDelete(gone->context); /* and `gone` with it */
    }
  }
}

static Loaded *load(const char *digest) {
  static const char query[] = "SELECT artifact FROM scoring.pipelines WHERE digest OPERATOR(pg_catalog.=) $1";
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "scoring pipeline", ALLOCSET_SMALL_SIZES);
  Loaded *loaded = MemoryContextAllocZero(context, sizeof *loaded);
  Datum argument = CStringGetTextDatum(digest), value;
  bytea *artifact;
  bool missing = true;

  if (SPI_execute_plan(plan(&artifact_plan, query, 1), &argument, NULL, true, 1) != SPI_OK_SELECT)
    elog(ERROR, "a query of scoring failed");
  value = SPI_processed ? SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &missing) : 0;
  if (missing) no_pipeline(digest, true);
  artifact = DatumGetByteaPP(value);
  if (strcmp(digest_of(VARDATA_ANY(artifact), VARSIZE_ANY_EXHDR(artifact)), digest) != 0)
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("the artifact %s in scoring.pipelines is not what was installed", digest),
                    errhint("Install it again.")));
  loaded->context = context;
  strlcpy(loaded->digest, digest, sizeof loaded->digest);
  loaded->scorer = open_artifact(context, VARDATA_ANY(artifact), VARSIZE_ANY_EXHDR(artifact));
  {
    int inputs = scorer_inputs(loaded->scorer), outputs = scorer_outputs(loaded->scorer);
    loaded->columns = MemoryContextAlloc(context, sizeof(char *) * (Size)inputs);
    loaded->output_columns = MemoryContextAlloc(context, sizeof(char *) * (Size)outputs);
    loaded->inputs = names_in(context, loaded->columns, loaded->scorer, inputs, input_name);
    loaded->outputs = names_in(context, loaded->output_columns, loaded->scorer, outputs, scorer_output);
    check_distinct(loaded->columns, inputs, "inputs");
    check_distinct(loaded->output_columns, outputs, "outputs");
  }
  make_room();
  MemoryContextSetParent(context, CacheMemoryContext); /* from now on an error keeps it */
  loaded->next = first;
  first = loaded;
  return loaded;
}

/* The pipeline of a name or a digest. Raises an error when there is none, or when this user may not read scoring.pipelines. */
Loaded *find_pipeline(const char *name, bool by_digest) {
  bool digest = by_digest || is_digest(name);
  MemoryContext caller = CurrentMemoryContext;
  Loaded *loaded;
  char *found;

  if (by_digest && !is_digest(name))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is not a digest", name),
                    errhint("A digest is 64 hexadecimal digits in lower case; scoring.pipelines has it. "
                            "The functions without \"_fixed\" take names.")));
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  if (digest)
    found = find_text(plan(&by_digest_plan, "SELECT digest FROM scoring.pipelines WHERE digest OPERATOR(pg_catalog.=) $1", 1), name, caller);
  else
    found = find_text(plan(&by_name_plan, "SELECT digest FROM scoring.pipelines WHERE name OPERATOR(pg_catalog.=) $1 AND active", 1), name, caller);
  if (found == NULL) no_pipeline(name, digest);
  for (loaded = first; loaded != NULL && strcmp(loaded->digest, found) != 0;) loaded = loaded->next;
  if (loaded == NULL) loaded = load(found);
  loaded->used = ++uses;
  SPI_finish();
  return loaded;
}

static void let_go(void *pin) { --((Pin *)pin)->loaded->pins; }

/* Keeps a pipeline open as long as `context` is there. */
void pin_pipeline(Loaded *loaded, MemoryContext context) {
  Pin *pin = MemoryContextAlloc(context, sizeof *pin);

  pin->loaded = loaded;
  pin->callback.func = let_go;
  pin->callback.arg = pin;
  MemoryContextRegisterResetCallback(context, &pin->callback);
  ++loaded->pins;
}

static void prepare_site(Site *site) {
  Size inputs = (Size)scorer_inputs(site->loaded->scorer), outputs = (Size)scorer_outputs(site->loaded->scorer);

  site->row = MemoryContextAlloc(site->context, sizeof(double) * inputs);
  site->out = MemoryContextAlloc(site->context, sizeof(double) * outputs);
  site->columns = NULL;
  site->result = NULL;
  site->label = NULL;
}

/* The place that this call comes from, with its pipeline found for this statement. The argument with its name must not be null. */
Site *site_of(FunctionCallInfo fcinfo, int argument, bool by_digest) {
  text *name = PG_GETARG_TEXT_PP(argument);
  Size size = VARSIZE_ANY_EXHDR(name);
  Site *site = fcinfo->flinfo->fn_extra;
  TimestampTz statement = GetCurrentStatementStartTimestamp();
  CommandId command = GetCurrentCommandId(false);

  if (site != NULL && site->statement == statement && site->command == command && strlen(site->name) == size &&
      memcmp(site->name, VARDATA_ANY(name), size) == 0)
    return site;
  {
    char *wanted = text_to_cstring(name);
    Loaded *loaded = find_pipeline(wanted, by_digest);

    if (site == NULL) {
      site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof *site);
      site->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "scoring call", ALLOCSET_SMALL_SIZES);
    }
    fcinfo->flinfo->fn_extra = NULL; /* until it is whole again */
    MemoryContextReset(site->context);
    site->loaded = loaded;
    pin_pipeline(loaded, site->context);
    site->name = MemoryContextStrdup(site->context, wanted);
    site->by_digest = by_digest;
    site->statement = statement;
    site->command = command;
    prepare_site(site);
    fcinfo->flinfo->fn_extra = site;
  }
  return site;
}
