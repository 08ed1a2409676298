/* Artifacts: bytes that nobody vouches for, to pipelines. */
#include "extension.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Closes a pipeline when the memory context that owns it goes. */
typedef struct Owner {
  MemoryContextCallback callback;
  scorer *scorer;
} Owner;

static void close_owned(void *owner) { scorer_close(((Owner *)owner)->scorer); }

static void refuse(const char *why) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("%s", message_of(why)),
                  errhint("An artifact is a *.pipeline file that \"scoring experiment\" or \"scoring pack\" wrote; "
                          "give its bytes as they are in the file.")));
}

char *digest_of(const void *data, size_t size) {
  static const char digits[] = "0123456789abcdef";
  uint8 raw[PG_SHA256_DIGEST_LENGTH];
  char *text = palloc(DIGEST_SIZE + 1);
  pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

  if (hash == NULL || pg_cryptohash_init(hash) < 0 || pg_cryptohash_update(hash, data, size) < 0 ||
      pg_cryptohash_final(hash, raw, sizeof raw) < 0) {
    const char *why = hash == NULL ? "out of memory" : pg_cryptohash_error(hash);
    if (hash != NULL) pg_cryptohash_free(hash);
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a digest cannot be computed: %s", why)));
  }
  pg_cryptohash_free(hash);
  for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; ++i) {
    text[2 * i] = digits[raw[i] >> 4];
    text[2 * i + 1] = digits[raw[i] & 15];
  }
  text[DIGEST_SIZE] = '\0';
  return text;
}

/* Opens an artifact; `context` owns what is made. Raises an error that says why it is refused. */
scorer *open_artifact(MemoryContext context, const void *data, size_t size) {
  char why[ERROR_SIZE] = "";
  Owner *owner = MemoryContextAllocZero(context, sizeof *owner);

  owner->callback.func = close_owned;
  owner->callback.arg = owner;
  MemoryContextRegisterResetCallback(context, &owner->callback);
  owner->scorer = scorer_read(data, size, why, sizeof why);
  if (owner->scorer == NULL) refuse(why);
  for (int i = 0; i < scorer_members(owner->scorer); ++i) {
    const char *name, *sha256;
    size_t length;
    const void *body = scorer_member(owner->scorer, i, &length, &name, &sha256);

    if (body == NULL || strcmp(digest_of(body, length), sha256) != 0)
      refuse(psprintf("the artifact is refused: its member '%s' is not what was packed (its digest differs)", name));
  }
  if (scorer_open(owner->scorer, why, sizeof why)) refuse(why);
  return owner->scorer;
}

/* check_artifact(bytea) returns text: its digest, or an error that says why it is refused. */
PG_FUNCTION_INFO_V1(scoring_check_artifact);
Datum scoring_check_artifact(PG_FUNCTION_ARGS) {
  bytea *artifact = PG_GETARG_BYTEA_PP(0);
  MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "scoring artifact", ALLOCSET_DEFAULT_SIZES);
  char *digest = digest_of(VARDATA_ANY(artifact), VARSIZE_ANY_EXHDR(artifact));

  open_artifact(scratch, VARDATA_ANY(artifact), VARSIZE_ANY_EXHDR(artifact));
  MemoryContextDelete(scratch);
  PG_RETURN_TEXT_P(cstring_to_text(digest));
}
