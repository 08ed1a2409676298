-- The extension's objects. Everything lies in the schema scoring; nothing runs with more rights than its caller's.
\echo Use "CREATE EXTENSION scoring" to load this file. \quit

CREATE TABLE scoring.pipelines (
  name text NOT NULL CHECK (name <> '' AND name !~ '^[0-9a-f]{64}$'),
  version integer NOT NULL CHECK (version > 0),
  digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
  artifact bytea NOT NULL,
  loaded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  active boolean NOT NULL DEFAULT false,
  PRIMARY KEY (name, version),
  UNIQUE (name, digest)
);
ALTER TABLE scoring.pipelines ALTER artifact SET STORAGE EXTERNAL; -- it is compressed as it is
CREATE UNIQUE INDEX pipelines_active ON scoring.pipelines (name) WHERE active;
CREATE INDEX pipelines_digest ON scoring.pipelines (digest);
COMMENT ON TABLE scoring.pipelines IS 'Artifacts by name and version; a name stands for its active version';

CREATE TABLE scoring.activations (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  version integer NOT NULL,
  at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  by name NOT NULL DEFAULT CURRENT_USER,
  undone boolean NOT NULL DEFAULT false,
  FOREIGN KEY (name, version) REFERENCES scoring.pipelines ON DELETE CASCADE
);
COMMENT ON TABLE scoring.activations IS 'Which version was made active when; scoring.rollback undoes the latest';

SELECT pg_catalog.pg_extension_config_dump('scoring.pipelines', '');
SELECT pg_catalog.pg_extension_config_dump('scoring.activations', '');
SELECT pg_catalog.pg_extension_config_dump('scoring.activations_id_seq', '');

-- Scores. `input` is one row, read by the names of its columns, or the values in the order of the pipeline's inputs. A name is
-- looked up in every statement, hence STABLE; a digest names the same pipeline for ever, hence IMMUTABLE in those that take nothing else.
-- The costs are measured, in what PostgreSQL takes an operator for: 100 are about 2 microseconds. Were they higher, PostgreSQL would
-- compile queries of few rows, which takes longer than they do.
CREATE FUNCTION scoring.score(pipeline text, VARIADIC input "any") RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'scoring_score' LANGUAGE c STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_fixed(digest text, VARIADIC input "any") RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'scoring_score_fixed' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_label(pipeline text, label text, VARIADIC input "any") RETURNS double precision
  AS 'MODULE_PATHNAME', 'scoring_score_label' LANGUAGE c STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_label_fixed(digest text, label text, VARIADIC input "any") RETURNS double precision
  AS 'MODULE_PATHNAME', 'scoring_score_label_fixed' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_json(pipeline text, VARIADIC input "any") RETURNS jsonb
  AS 'MODULE_PATHNAME', 'scoring_score_json' LANGUAGE c STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_json_fixed(digest text, VARIADIC input "any") RETURNS jsonb
  AS 'MODULE_PATHNAME', 'scoring_score_json_fixed' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_as(result anyelement, pipeline text, VARIADIC input "any") RETURNS anyelement
  AS 'MODULE_PATHNAME', 'scoring_score_as' LANGUAGE c STABLE PARALLEL SAFE COST 100;
CREATE FUNCTION scoring.score_as_fixed(result anyelement, digest text, VARIADIC input "any") RETURNS anyelement
  AS 'MODULE_PATHNAME', 'scoring_score_as_fixed' LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;

-- Many rows at a time, the quickest way. Each column of the result is an output of the pipeline or a column of the query.
CREATE FUNCTION scoring.score_rows(pipeline text, query text) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'scoring_score_rows' LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100000;
CREATE FUNCTION scoring.score_rows(result anyelement, pipeline text, query text) RETURNS SETOF anyelement
  AS 'MODULE_PATHNAME', 'scoring_score_rows_as' LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100000;

-- Contributions to the raw score: exact Shapley values of the inputs (original) or of the forest's features (transformed). The row
-- without a field is the bias.
CREATE FUNCTION scoring.contribution(pipeline text, input record, kind text DEFAULT 'original')
  RETURNS TABLE (output text, field text, contribution double precision)
  AS 'MODULE_PATHNAME', 'scoring_contribution' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 2000 ROWS 50;
CREATE FUNCTION scoring.contributions(pipeline text, kind text, VARIADIC input "any") RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'scoring_contributions_of' LANGUAGE c STABLE PARALLEL SAFE COST 2000;

CREATE FUNCTION scoring.manifest(pipeline text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'scoring_manifest' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 2000;
CREATE FUNCTION scoring.digest(pipeline text) RETURNS text
  AS 'MODULE_PATHNAME', 'scoring_digest' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000;
CREATE FUNCTION scoring.engine() RETURNS text
  AS 'MODULE_PATHNAME', 'scoring_engine' LANGUAGE c STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION scoring.check_artifact(artifact bytea) RETURNS text
  AS 'MODULE_PATHNAME', 'scoring_check_artifact' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000000;

CREATE FUNCTION scoring.schema(pipeline text)
  RETURNS TABLE (number integer, field text, type text, sql_type text, categories jsonb, missing jsonb, example text)
  LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT place::integer, input ->> 'name', input ->> 'type',
      CASE input ->> 'type' WHEN 'Bool' THEN 'boolean' WHEN 'Str' THEN 'text' WHEN 'Time64' THEN 'timestamp without time zone'
        ELSE 'double precision' END,
      NULLIF(input -> 'categories', 'null'), input -> 'missing', input ->> 'example'
    FROM jsonb_array_elements(scoring.manifest(pipeline) -> 'inputs') WITH ORDINALITY AS listed (input, place)
    ORDER BY place
  $$;

CREATE FUNCTION scoring.outputs(pipeline text) RETURNS TABLE (number integer, output text, label text)
  LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
  AS $$
    SELECT place::integer, output ->> 'name', manifest -> 'labels' ->> (place::integer - 1)
    FROM scoring.manifest(pipeline) AS found (manifest),
      jsonb_array_elements(manifest -> 'outputs') WITH ORDINALITY AS listed (output, place)
    ORDER BY place
  $$;

-- Installing, activating, rolling back: for who may write to scoring.pipelines and scoring.activations.
CREATE FUNCTION scoring.activate(name text, version integer) RETURNS text
  LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
  AS $$
    DECLARE
      found record;
    BEGIN
      LOCK TABLE scoring.pipelines IN SHARE ROW EXCLUSIVE MODE; -- scoring goes on meanwhile
      SELECT p.digest, p.active INTO found FROM scoring.pipelines p
        WHERE p.name = activate.name AND p.version = activate.version;
      IF found.digest IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
          MESSAGE = format('the pipeline %I has no version %s', activate.name, activate.version),
          HINT = 'scoring.pipelines lists the names, versions and digests that are installed.';
      END IF;
      IF NOT found.active THEN
        UPDATE scoring.pipelines p SET active = false WHERE p.name = activate.name AND p.active;
        UPDATE scoring.pipelines p SET active = true WHERE p.name = activate.name AND p.version = activate.version;
        INSERT INTO scoring.activations (name, version) VALUES (activate.name, activate.version);
      END IF;
      RETURN found.digest;
    END
  $$;

CREATE FUNCTION scoring.activate(name text, digest text) RETURNS text
  LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
  AS $$
    DECLARE
      wanted integer;
    BEGIN
      SELECT p.version INTO wanted FROM scoring.pipelines p WHERE p.name = activate.name AND p.digest = activate.digest;
      IF wanted IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
          MESSAGE = format('the pipeline %I has no version with the digest %s', activate.name, activate.digest),
          HINT = 'scoring.pipelines lists the names, versions and digests that are installed.';
      END IF;
      RETURN scoring.activate(activate.name, wanted);
    END
  $$;

CREATE FUNCTION scoring.install(name text, artifact bytea) RETURNS text
  LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
  AS $$
    DECLARE
      found text := scoring.check_artifact(artifact); -- raises an error when it is refused
    BEGIN
      LOCK TABLE scoring.pipelines IN SHARE ROW EXCLUSIVE MODE;
      INSERT INTO scoring.pipelines (name, version, digest, artifact)
        SELECT install.name, COALESCE(max(p.version), 0) + 1, found, install.artifact
        FROM scoring.pipelines p WHERE p.name = install.name
        HAVING NOT COALESCE(bool_or(p.digest = found), false);
      RETURN scoring.activate(install.name, found);
    END
  $$;

CREATE FUNCTION scoring.rollback(name text) RETURNS text
  LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
  AS $$
    DECLARE
      latest scoring.activations;
      earlier scoring.activations;
    BEGIN
      LOCK TABLE scoring.pipelines IN SHARE ROW EXCLUSIVE MODE;
      SELECT * INTO latest FROM scoring.activations a WHERE a.name = rollback.name AND NOT a.undone ORDER BY a.id DESC LIMIT 1;
      SELECT * INTO earlier FROM scoring.activations a
        WHERE a.name = rollback.name AND NOT a.undone AND a.id < latest.id ORDER BY a.id DESC LIMIT 1;
      IF earlier.id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
          MESSAGE = format('the pipeline %I has no earlier activation to go back to', rollback.name),
          HINT = 'scoring.activate(name, version) makes any installed version active.';
      END IF;
      UPDATE scoring.activations a SET undone = true WHERE a.id = latest.id;
      UPDATE scoring.pipelines p SET active = false WHERE p.name = rollback.name AND p.active;
      UPDATE scoring.pipelines p SET active = true WHERE p.name = rollback.name AND p.version = earlier.version;
      RETURN (SELECT p.digest FROM scoring.pipelines p WHERE p.name = rollback.name AND p.version = earlier.version);
    END
  $$;

CREATE FUNCTION scoring.remove(name text) RETURNS integer
  LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
  AS $$
    DECLARE
      removed integer;
    BEGIN
      DELETE FROM scoring.pipelines p WHERE p.name = remove.name;
      GET DIAGNOSTICS removed = ROW_COUNT;
      RETURN removed;
    END
  $$;

-- A row type with a column for each output, and a function of a pipeline's own with an argument for each input.
CREATE FUNCTION scoring.create_type(pipeline text, name text, schema text DEFAULT NULL) RETURNS regtype
  LANGUAGE plpgsql
  AS $$
    DECLARE
      home text := COALESCE(create_type.schema, pg_catalog.current_schema());
      columns text;
    BEGIN
      SELECT pg_catalog.string_agg(pg_catalog.format('%I double precision', o.output), ', ' ORDER BY o.number) INTO columns
        FROM scoring.outputs(create_type.pipeline) o;
      EXECUTE pg_catalog.format('CREATE TYPE %I.%I AS (%s)', home, create_type.name, columns);
      RETURN pg_catalog.format('%I.%I', home, create_type.name)::pg_catalog.regtype;
    END
  $$;

CREATE FUNCTION scoring.create_function(pipeline text, name text, schema text DEFAULT NULL, pinned boolean DEFAULT false)
  RETURNS regprocedure
  LANGUAGE plpgsql
  AS $$
    DECLARE
      home text := COALESCE(create_function.schema, pg_catalog.current_schema());
      digest text := scoring.digest(create_function.pipeline);
      inputs bigint;
      arguments text;
      cells text;
      made pg_catalog.regtype;
    BEGIN
      SELECT pg_catalog.count(*), pg_catalog.string_agg(pg_catalog.format('%I %s', s.field, s.sql_type), ', ' ORDER BY s.number),
             pg_catalog.string_agg('$' || s.number, ', ' ORDER BY s.number)
        INTO inputs, arguments, cells FROM scoring.schema(create_function.pipeline) s;
      IF inputs > 98 THEN -- a function of PostgreSQL has at most 100 arguments, and scoring.score_as takes two itself
        arguments := 'input anyelement';
        cells := '$1';
      END IF;
      made := scoring.create_type(create_function.pipeline, create_function.name || '_scores', home);
      EXECUTE pg_catalog.format(
        'CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql %s PARALLEL SAFE COST 150 AS %L', home, create_function.name,
        arguments, made, CASE WHEN pinned THEN 'IMMUTABLE' ELSE 'STABLE' END,
        pg_catalog.format('BEGIN RETURN scoring.%s(NULL::%s, %L, %s); END', CASE WHEN pinned THEN 'score_as_fixed' ELSE 'score_as' END,
                          made, CASE WHEN pinned THEN digest ELSE create_function.pipeline END, cells));
      RETURN (SELECT f.oid::pg_catalog.regprocedure FROM pg_catalog.pg_proc f
              WHERE f.prorettype = made AND f.pronamespace = home::pg_catalog.regnamespace AND f.proname = create_function.name::pg_catalog.name);
    END
  $$;

CREATE FUNCTION scoring.drop_function(name text, schema text DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql
  AS $$
    DECLARE
      home text := COALESCE(drop_function.schema, pg_catalog.current_schema());
    BEGIN
      EXECUTE pg_catalog.format('DROP FUNCTION %I.%I', home, drop_function.name);
      EXECUTE pg_catalog.format('DROP TYPE %I.%I', home, drop_function.name || '_scores');
    END
  $$;

-- Who made the extension owns the tables, and grants from there; scoring itself is granted with scoring.grant_scoring.
ALTER TABLE scoring.pipelines OWNER TO @extowner@;
ALTER TABLE scoring.activations OWNER TO @extowner@;

CREATE FUNCTION scoring.grant_scoring(role name) RETURNS void
  LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
  AS $$
    BEGIN
      EXECUTE format('GRANT USAGE ON SCHEMA scoring TO %I', role);
      EXECUTE format('GRANT SELECT ON scoring.pipelines TO %I', role);
    END
  $$;
COMMENT ON FUNCTION scoring.grant_scoring IS 'Let a role score: USAGE on the schema and SELECT on scoring.pipelines; functions are public';
