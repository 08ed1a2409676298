/* What PostgreSQL finds first, and what tells about a pipeline. */
#include "extension.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "scoring.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void _PG_init(void) { define_settings(); }

/* manifest(pipeline) returns jsonb. */
PG_FUNCTION_INFO_V1(scoring_manifest);
Datum scoring_manifest(PG_FUNCTION_ARGS) {
  Loaded *loaded = find_pipeline(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
  size_t size;
  const char *text = scorer_manifest(loaded->scorer, &size);

  return DirectFunctionCall1(jsonb_in, CStringGetDatum(from_utf8(pnstrdup(text, size))));
}

/* digest(pipeline) returns text: of the artifact that a name stands for now. */
PG_FUNCTION_INFO_V1(scoring_digest);
Datum scoring_digest(PG_FUNCTION_ARGS) {
  PG_RETURN_TEXT_P(cstring_to_text(find_pipeline(text_to_cstring(PG_GETARG_TEXT_PP(0)), false)->digest));
}

/* engine() returns text: the engine's version of its interface and the vector instructions that it uses. */
PG_FUNCTION_INFO_V1(scoring_engine);
Datum scoring_engine(PG_FUNCTION_ARGS) {
  PG_RETURN_TEXT_P(cstring_to_text(psprintf("abi %d, %s", scoring_abi(), scoring_isa())));
}
