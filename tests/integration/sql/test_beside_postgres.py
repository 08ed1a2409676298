# ruff: noqa: E501 -- statements are left whole
"""Scoring next to a real PostgreSQL: every row once, and nothing half written."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import scoring
from beside_cycles import EXAMPLE, QUERY, ROWS, connected, expected_of, filled, job_of, scores_of, table_of
from scoring_sql import beside


@pytest.fixture(scope="module")
def scorer() -> scoring.Scorer:
    return scoring.load(EXAMPLE)


@pytest.fixture(scope="module")
def url(postgres: Any, scorer: scoring.Scorer) -> str:
    return filled(postgres.database("beside"), scorer)


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with connected(url) as connection:
        yield connection


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert"])
def test_scores_are_the_engines(mode: str, url: str, connection: Any, scorer: scoring.Scorer) -> None:
    summary = beside.score(scorer, job_of(mode), beside.parse(url))

    assert summary.rows == ROWS
    assert np.array_equal(scores_of(connection, scorer), expected_of(connection, scorer))
    state = connection.execute("SELECT state, done, last_key FROM scoring_jobs").fetchall()
    assert state == [("finished", ROWS, f'[["int", {ROWS}]]')]
    if mode != "append":
        again = beside.score(scorer, job_of(mode), beside.parse(url))
        assert again.rows == ROWS
        assert connection.execute("SELECT count(*) FROM scores").fetchone() == (ROWS,)


@pytest.mark.parametrize(
    "key",
    ["i", "i::smallint", "'k' || i", "'k' || i || '''\"\\ \U0001f600'", "gen_random_uuid()", "i / 7.0", "(i / 7.0)::float8",
     "timestamptz '2020-01-01 00:00+02' + i * interval '1.000001 s'", "timestamp '2020-01-01' + i * interval '1 s'",
     "date '2020-01-01' + i", "decode(lpad(to_hex(i), 8, '0'), 'hex')"],
)  # fmt: skip
def test_keys_of_any_type_resume(key: str, url: str, connection: Any, scorer: scoring.Scorer) -> None:
    connection.execute(table_of("keyed", scorer, 950, key))
    ordered = connection.execute("SELECT id FROM keyed ORDER BY id").fetchall()
    more = "SELECT * FROM keyed WHERE ctid IN (SELECT ctid FROM keyed ORDER BY id LIMIT (SELECT n FROM stop))"
    connection.execute("CREATE TABLE stop AS SELECT 470 AS n")
    job = job_of(query=more, chunk_rows=100)

    beside.score(scorer, job, beside.parse(url))
    connection.execute("UPDATE stop SET n = 950")
    second = beside.score(scorer, job, beside.parse(url), resume=True)

    assert (second.before, second.rows) == (470, 480)
    assert connection.execute("SELECT id FROM scores ORDER BY id").fetchall() == ordered


def test_composite_keys_and_copied_columns(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    query = "SELECT id / 100 AS plant, id % 100 AS \"cy;cle\", 'x'::varchar(9) AS note, '{}'::jsonb AS doc, * FROM cycles"
    job = job_of(query=query, keys=("plant", "cy;cle"), include=("note", "doc"), contributions="original")

    summary = beside.score(scorer, job, beside.parse(url))

    assert summary.rows == ROWS
    row = connection.execute("SELECT * FROM scores ORDER BY 1, 2 LIMIT 1")
    assert [column.name for column in row.description][:5] == [
        "plant",
        "cy;cle",
        "note",
        "doc",
        "cool_cond_y.3",
    ]
    assert row.fetchone()[:4] == (0, 1, "x", {})
    parts = connection.execute('SELECT sum("contrib_3.bias") / count(*) FROM scores').fetchone()[0]
    assert np.isfinite(parts)


def test_a_table_that_is_there_keeps_types_grants_and_indexes(
    url: str, connection: Any, scorer: scoring.Scorer
) -> None:
    outputs = ", ".join(f'"{name}" real' for name in scorer.output_names)
    connection.execute(
        f"CREATE TABLE scores (id numeric PRIMARY KEY, {outputs}, at timestamptz DEFAULT now())"
    )
    connection.execute("INSERT INTO scores (id) VALUES (-1)")
    connection.execute('CREATE INDEX kept ON scores ("cool_cond_y.3")')
    connection.execute("CREATE VIEW seen AS SELECT count(*) AS n FROM scores")
    connection.execute("GRANT SELECT ON scores TO public")

    beside.score(scorer, job_of("overwrite"), beside.parse(url))

    assert connection.execute("SELECT n FROM seen").fetchone() == (ROWS,)
    assert connection.execute("SELECT count(at) FROM scores WHERE id > 0").fetchone() == (ROWS,)
    found = scores_of(connection, scorer)
    assert np.array_equal(found.astype(np.float32), expected_of(connection, scorer).astype(np.float32))
    grants = connection.execute(
        "SELECT relacl::text FROM pg_class WHERE oid = 'scores'::regclass"
    ).fetchone()[0]
    assert "=r/" in grants
    assert connection.execute("SELECT to_regclass('kept')").fetchone()[0] is not None
    assert connection.execute(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'scoring_staged%'"
    ).fetchone() == (0,)


def test_hostile_names(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    table = 'a"b; DROP TABLE cycles; -- :job %s \U0001f600'
    connection.execute(
        psycopg.sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(psycopg.sql.Identifier("s.x"))
    )
    name = '"s.x"."' + table.replace('"', '""') + '"'
    query = """SELECT id AS "i""d'; --", * FROM cycles -- the end"""

    beside.score(scorer, job_of("upsert", name, query, ("i\"d'; --",)), beside.parse(url))

    found = connection.execute(
        psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier("s.x", table))
    )
    assert found.fetchone() == (ROWS,)
    assert connection.execute("SELECT count(*) FROM cycles").fetchone() == (ROWS,)


def test_a_thousand_columns(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    more = ", ".join(f"{i}::float8 AS extra{i}" for i in range(1000))
    query = f"SELECT {more}, * FROM cycles"

    beside.score(
        scorer, job_of(query=query, include=tuple(f"extra{i}" for i in range(1000))), beside.parse(url)
    )

    assert np.array_equal(scores_of(connection, scorer), expected_of(connection, scorer))


def test_text_numerics_and_other_case_are_read(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    first, second, third = scorer.schema.names[:3]
    query = (
        f"SELECT id, {first}::text AS {first}, coalesce({second}::numeric::text, 'NA') AS \"{second.upper()}\", {third}::numeric AS {third}, "
        f"{', '.join(scorer.schema.names[3:])} FROM cycles"
    )

    beside.score(scorer, job_of(query=query), beside.parse(url))

    assert np.array_equal(scores_of(connection, scorer), expected_of(connection, scorer))


def test_an_empty_query_makes_an_empty_table(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    for mode in ("append", "overwrite"):
        assert beside.score(scorer, job_of(mode, query=f"{QUERY} WHERE false"), beside.parse(url)).rows == 0
        assert connection.execute("SELECT count(*) FROM scores").fetchone() == (0,)


@pytest.mark.parametrize(
    ("query", "keys", "code", "words"),
    [
        ("SELECT id FROM cycles", ("id",), "missing_field", "'psa_bar'"),
        ("SELECT *, psa_bar AS psa_barr FROM nowhere", ("id",), "missing_table", "nowhere"),
        (QUERY, ("idd",), "missing_field", "Did you mean 'id'?"),
        ("SELECT id % 10 AS k, * FROM cycles", ("k",), "invalid_key", "not unique"),
        ("SELECT nullif(id, 5) AS k, * FROM cycles", ("k",), "invalid_key", "NULL"),
        ("SELECT id, * FROM cycles", ("id",), "duplicate_field", "'id'"),
        ("DELETE FROM cycles", ("id",), "query_refused", "DELETE"),
        ("SELECT 1; SELECT 2", ("id",), "query_refused", "2 statements"),
        (
            "WITH gone AS (DELETE FROM cycles RETURNING *) SELECT * FROM gone",
            ("id",),
            "query_refused",
            "DELETE",
        ),
        ("SELECT * FROM cycles, writes()", ("id",), "query_refused", "read-only"),
        ("SELECT * FROM cycles) x; DROP TABLE cycles; --", ("id",), "query_refused", ""),
        (
            "SELECT * FROM cycles WHERE id / (id - 2500) > -5000000",
            ("id",),
            "database_failed",
            "division by zero",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    query: str,
    keys: tuple[str, ...],
    code: str,
    words: str,
    url: str,
    connection: Any,
    scorer: scoring.Scorer,
) -> None:
    connection.execute(
        "CREATE OR REPLACE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM cycles; RETURN 1; END $$"
    )

    with pytest.raises(scoring.Problem) as caught:
        beside.score(scorer, job_of("overwrite", query=query, keys=keys), beside.parse(url))

    assert caught.value.code == code
    assert words in str(caught.value)
    assert caught.value.hint
    assert connection.execute("SELECT to_regclass('scores')").fetchone() == (None,)
    assert connection.execute("SELECT count(*) FROM cycles").fetchone() == (ROWS,)


def test_a_cell_that_cannot_be_read_names_its_row_not_its_value(
    url: str, connection: Any, scorer: scoring.Scorer
) -> None:
    name = scorer.schema.names[0]
    query = f"SELECT id, CASE id WHEN 1234 THEN 's3cret' ELSE '1' END AS {name}, {', '.join(scorer.schema.names[1:])} FROM cycles"

    with pytest.raises(scoring.Problem, match="id 1234") as caught:
        beside.score(scorer, job_of(query=query), beside.parse(url))

    assert caught.value.code == "invalid_rows"
    assert "s3cret" not in str(caught.value)
    assert "700 rows were committed" in caught.value.detail


def test_permission_denied(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    connection.execute("DROP ROLE IF EXISTS reader")
    connection.execute("CREATE ROLE reader LOGIN")
    connection.execute("REVOKE CREATE ON SCHEMA public FROM public")
    reader = beside.parse(url.replace("user=postgres", "user=reader"))

    with pytest.raises(scoring.Problem, match="permission denied") as caught:
        beside.score(scorer, job_of(), reader)
    assert caught.value.code == "permission_denied"

    connection.execute("GRANT SELECT ON cycles TO reader")
    with pytest.raises(scoring.Problem, match="permission denied") as caught:
        beside.score(scorer, job_of(), reader)
    assert caught.value.code == "permission_denied"
    connection.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_an_upsert_needs_a_unique_key(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    outputs = ", ".join(f'"{name}" float8' for name in scorer.output_names)
    connection.execute(f"CREATE TABLE scores (id int, {outputs})")

    with pytest.raises(scoring.Problem, match="no unique index on id"):
        beside.score(scorer, job_of("upsert"), beside.parse(url))
    with pytest.raises(scoring.Problem, match="has no column 'id2'"):
        beside.score(
            scorer,
            job_of("append", query="SELECT id AS id2, * FROM cycles", keys=("id2",)),
            beside.parse(url),
        )


def test_a_service_and_an_environment_variable_are_addresses(
    url: str, connection: Any, scorer: scoring.Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tmp_path / "services.conf"
    services.write_text("[rig]\n" + "\n".join(url.split(" ")) + "\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("RIG_URL", f"{url} password=s3cret")

    assert beside.score(scorer, job_of("upsert"), beside.parse("rig")).rows == ROWS
    assert beside.score(scorer, job_of("upsert"), beside.parse("env:RIG_URL")).rows == ROWS
    with pytest.raises(scoring.Problem) as caught:
        beside.score(scorer, job_of(query="SELECT * FROM nowhere"), beside.parse("env:RIG_URL"))
    assert "s3cret" not in repr(caught.value) + str(caught.value) + repr(beside.parse("env:RIG_URL"))


def test_memory_stays_bounded(url: str, connection: Any, scorer: scoring.Scorer) -> None:
    query = "SELECT i AS row, c.* FROM cycles c, generate_series(1, 100) i"
    code = (
        "import sys, scoring; from scoring_sql import beside; "
        "s = scoring.load(sys.argv[1]); j = beside.Job(sys.argv[3], ('row', 'id'), beside.Name.parse('scores'), chunk_rows=20000); "
        "print(beside.score(s, j, beside.parse(sys.argv[2])).rows, open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(EXAMPLE), url, query],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows, kilobytes = map(int, done.stdout.split())
    assert rows == 100 * ROWS
    assert kilobytes < 300 * 1024
