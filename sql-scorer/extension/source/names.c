/* Names: of columns, inputs and outputs, and the nearest one for a hint. */
#include "extension.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/varlena.h"

#define NAME_LIMIT 255 /* bytes that the distance of two names is computed for */
#define NAMES_LIMIT 2000

char *from_utf8(const char *name) {
  char *mine = pg_any_to_server(name, (int)strlen(name), PG_UTF8);

  return mine == name ? pstrdup(name) : mine;
}

/* A message of the engine, which may repeat bytes of an artifact, or end within a letter. */
char *message_of(const char *why) {
  char *masked = pstrdup(why);

  if (pg_verify_mbstr(PG_UTF8, why, (int)strlen(why), true)) return from_utf8(why);
  for (char *at = masked; *at != '\0'; ++at) {
    if (IS_HIGHBIT_SET(*at)) *at = '?';
  }
  return masked;
}

/* As PostgreSQL cuts the name of a column. */
char *cut(const char *name) {
  return pnstrdup(name, (Size)pg_mbcliplen(name, (int)strlen(name), NAMEDATALEN - 1));
}

/* The name that is nearest, or NULL when none is near. */
const char *nearest_name(const char *name, const char *const *names, int count) {
  int size = (int)strlen(name);
  int best = Max(1, size / 3);
  const char *found = NULL;
  char *folded = str_tolower(name, (size_t)size, C_COLLATION_OID);

  if (size == 0 || size > NAME_LIMIT) return NULL;
  for (int i = 0; i < Min(count, NAMES_LIMIT); ++i) {
    int length = (int)strlen(names[i]), distance;

    if (length == 0 || length > NAME_LIMIT) continue;
    if (strcmp(folded, str_tolower(names[i], (size_t)length, C_COLLATION_OID)) == 0) return names[i];
    distance = varstr_levenshtein_less_equal(name, size, names[i], length, 1, 1, 1, best, true);
    if (distance < best || (distance == best && found == NULL)) {
      best = distance;
      found = names[i];
    }
  }
  return found;
}

const char *nearest_hint(const char *name, const char *const *names, int count, const char *otherwise) {
  const char *found = nearest_name(name, names, count);

  return found == NULL ? otherwise : psprintf("Did you mean \"%s\"?", found);
}

/* The output with this name, of a column or a label; -1 when there is none. */
int find_output(const Loaded *loaded, const char *name) {
  for (int i = 0; i < scorer_outputs(loaded->scorer); ++i) {
    if (strcmp(loaded->outputs[i], name) == 0 || strcmp(loaded->output_columns[i], name) == 0) return i;
  }
  return -1;
}

int find_column(TupleDesc described, const char *name) {
  for (int i = 0; i < described->natts; ++i) {
    Form_pg_attribute column = TupleDescAttr(described, i);

    if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0) return i;
  }
  return -1;
}

void missing_column(const Loaded *loaded, int input, TupleDesc described) {
  const char **names = palloc(sizeof(char *) * (Size)Max(described->natts, 1));
  int count = 0;

  for (int i = 0; i < described->natts; ++i) {
    Form_pg_attribute column = TupleDescAttr(described, i);
    if (!column->attisdropped) names[count++] = NameStr(column->attname);
  }
  {
    const char *close = nearest_name(loaded->columns[input], names, count);
    const char *hint = "Add it to the row; a value that is not known can be null.";

    if (close != NULL) hint = psprintf("Rename the column \"%s\" to \"%s\".", close, loaded->columns[input]);
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("the row has no column \"%s\", which the pipeline reads", loaded->columns[input]), errhint("%s", hint)));
  }
  pg_unreachable();
}

typedef struct Named {
  const char *name;
  int place;
} Named;

static int by_name(const void *a, const void *b) { return strcmp(((const Named *)a)->name, ((const Named *)b)->name); }

/* The columns of a row that the inputs are read from, one for each input. */
Column *columns_of(const Loaded *loaded, TupleDesc described) {
  int inputs = scorer_inputs(loaded->scorer), count = 0;
  Column *columns = palloc0(sizeof(Column) * (Size)inputs);
  Named *named = palloc(sizeof(Named) * (Size)Max(described->natts, 1));

  for (int i = 0; i < described->natts; ++i) {
    Form_pg_attribute column = TupleDescAttr(described, i);
    if (column->attisdropped) continue;
    named[count].name = NameStr(column->attname);
    named[count++].place = i;
  }
  qsort(named, (size_t)count, sizeof(Named), by_name);
  for (int i = 1; i < count; ++i) {
    if (strcmp(named[i - 1].name, named[i].name) != 0) continue;
    for (int input = 0; input < inputs; ++input) {
      if (strcmp(loaded->columns[input], named[i].name) == 0)
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("the row has two columns \"%s\"", named[i].name),
                        errhint("Name each column once.")));
    }
  }
  for (int input = 0; input < inputs; ++input) {
    Named wanted = {loaded->columns[input], 0};
    Named *found = bsearch(&wanted, named, (size_t)count, sizeof(Named), by_name);

    if (found == NULL) missing_column(loaded, input, described);
    prepare_column(&columns[input], loaded, input, TupleDescAttr(described, found->place)->atttypid);
    columns[input].place = found->place;
  }
  return columns;
}
