"""What the extension refuses: each error says what, where and what to do, and the session goes on."""

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import psycopg
import pytest
import scoring
from extension_models import NAMES, Trained
from postgres_release import EVERY
from psycopg import sql

Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.parametrize("extended", EVERY, indirect=True, scope="session")
LABELS = ["low", "mid", "high"]


@pytest.fixture
def trained(made: Callable[..., Trained], connection: Connection) -> Trained:
    found = made("multiclass", LABELS)
    found.install(connection, "golden")
    return found


REFUSED = [
    ("SELECT scoring.score('goldem', 1)", "42704", "no active pipeline", 'Did you mean "golden"?'),
    ("SELECT scoring.score(NULL, 1)", "22004", "is null", "scoring.pipelines lists"),
    (f"SELECT scoring.score('{'0' * 64}', 1)", "42704", "no pipeline with the digest", "scoring.install"),
    ("SELECT scoring.score_fixed('golden', 1)", "22023", "is not a digest", "64 hexadecimal"),
    (
        "SELECT scoring.score('golden', 1, 2)",
        "22023",
        "2 values were given, but the pipeline reads 5",
        "a, B b, c",
    ),
    ("SELECT scoring.score('golden', ROW(1, 2))", "42703", 'no column "a"', "Add it"),
    (
        "SELECT scoring.score('golden', t) FROM (SELECT 1 aa, 2 b) t",
        "42703",
        'no column "a"',
        'Rename the column "aa" to "a"',
    ),
    ("SELECT scoring.score('golden', 'five', 2, 3, 4, '')", "22P02", 'field "a"', "Give a number"),
    ("SELECT scoring.score('golden', 1e999, 2, 3, 4, '')", "22P02", 'field "a"', "Give a number"),
    (
        "SELECT scoring.score('golden', now(), 2, 3, 4, '')",
        "42804",
        'field "a": a column of type timestamp',
        "Give a number",
    ),
    ("SELECT scoring.score('golden', 1, 2, 3, 4, now())", "42804", 'field "färbe"', "Give a text"),
    ("SELECT scoring.score('golden', 1, 2, 3, 4, '{}'::jsonb)", "42804", "of type jsonb", "Give a text"),
    ("SELECT scoring.score('golden', 1, 2, 3, 4, '\\x00'::bytea)", "42804", "of type bytea", "Give a text"),
    ("SELECT scoring.score('golden', VARIADIC ARRAY[1, 2])", "22023", "2 values were given", "a, B b"),
    (
        "SELECT scoring.score_label('golden', 'lov', t) FROM golden t",
        "22023",
        'no label "lov"',
        'Did you mean "low"?',
    ),
    (
        "SELECT scoring.contributions('golden', 'orignal', t) FROM golden t",
        "22023",
        "of the kind",
        'Did you mean "original"?',
    ),
    ("SELECT scoring.score_as(1, 'golden', t) FROM golden t", "42804", "no row type", "scoring.create_type"),
    (
        "SELECT scoring.score_as(NULL::golden, 'golden', t) FROM golden t",
        "42703",
        'column "id"',
        "scoring.outputs",
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'SELECT 1 AS a') AS r (a int)",
        "42703",
        'no column "B b"',
        "Add it",
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'TABLE golden') AS r (idd bigint)",
        "42703",
        'a column "idd"',
        'Did you mean "id"?',
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'TABLE golden') AS r (id text)",
        "42804",
        "is of type text",
        "cast",
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'TABLE golden') AS r (\"y.low\" text)",
        "42804",
        "double precision",
        "Scores",
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'SELECT 1; DROP TABLE golden') AS r (id int)",
        "22023",
        "not one query",
        "single SELECT",
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'DROP TABLE golden') AS r (id int)",
        "22023",
        "not one query",
        "single SELECT",
    ),
    (
        "SELECT * FROM scoring.score_rows('golden', 'DELETE FROM golden RETURNING *') AS r (id bigint)",
        "0A000",
        "DELETE",
        "",
    ),
    ("SELECT scoring.install('golden', '\\x504b0304')", "22P03", "truncated", "An artifact is"),
    ("SELECT scoring.install('', '\\x')", "22P03", "not a zip", "An artifact is"),
    ("SELECT scoring.activate('golden', 99)", "42704", "no version 99", "scoring.pipelines lists"),
    ("SELECT scoring.activate('golden', 'feed')", "42704", "digest feed", "scoring.pipelines lists"),
]


@pytest.mark.parametrize(("query", "state", "detail", "hint"), REFUSED, ids=range(len(REFUSED)))
def test_refused(
    trained: Trained, connection: Connection, query: str, state: str, detail: str, hint: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(query.encode()).fetchall()
    said = caught.value.diag
    assert said.sqlstate == state, said.message_primary
    assert detail in (said.message_primary or "")
    assert hint in (said.message_hint or "")
    rows = connection.execute("SELECT count(scoring.score('golden', t)) FROM golden t").fetchone()
    assert rows == (len(trained.table),)


def test_the_value_is_not_in_the_message(trained: Trained, connection: Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT scoring.score('golden', 'secret-17', 2, 3, 4, '')")
    assert "secret-17" not in str(caught.value)


def test_two_columns_of_one_name(trained: Trained, connection: Connection) -> None:
    query = "SELECT * FROM scoring.score_rows('golden', 'SELECT *, 2 AS a FROM golden') AS r (id bigint)"
    with pytest.raises(psycopg.errors.DuplicateColumn, match='two columns "a"'):
        connection.execute(query)


def test_permissions(trained: Trained, connection: Connection, database: str) -> None:
    connection.execute("DROP ROLE IF EXISTS analyst; CREATE ROLE analyst LOGIN")
    try:
        connection.execute("GRANT SELECT ON golden TO analyst")
        with psycopg.connect(database.replace("user=postgres", "user=analyst"), autocommit=True) as session:
            score = "SELECT scoring.score('golden', t) FROM golden t LIMIT 1"
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(score)
            connection.execute("SELECT scoring.grant_scoring('analyst')")
            assert session.execute(score).fetchone()
            for refused in (
                "SELECT scoring.rollback('golden')",
                "SELECT scoring.remove('golden')",
                "SELECT scoring.install('mine', artifact) FROM scoring.pipelines LIMIT 1",
                "SELECT * FROM scoring.score_rows('golden', 'SELECT * FROM pg_authid') AS r (oid oid)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(refused.encode())
            connection.execute("REVOKE SELECT ON scoring.pipelines FROM analyst")
            with pytest.raises(
                psycopg.errors.InsufficientPrivilege
            ):  # though the pipeline is open in this session
                session.execute(score)
    finally:
        connection.execute("DROP OWNED BY analyst; DROP ROLE analyst")


def test_no_superuser_is_needed(extended: Any, trained: Trained) -> None:
    url = extended.database("modest")
    with extended.connect() as superuser:
        superuser.execute(
            "DROP ROLE IF EXISTS modest; CREATE ROLE modest LOGIN; ALTER DATABASE modest OWNER TO modest"
        )
    with psycopg.connect(url.replace("user=postgres", "user=modest"), autocommit=True) as session:
        session.execute("CREATE EXTENSION scoring")
        session.execute("SELECT scoring.install('p', %s)", [trained.scorer.artifact.data])
        assert session.execute("SELECT scoring.score('p', 1, 2, 3, 4, 'blue')").fetchone()
        session.execute("SELECT scoring.create_function('p', 'mine', 'public')")
        assert session.execute("SELECT mine(1, 2, 3, 4, 'blue')").fetchone()
        session.execute("DROP FUNCTION mine; DROP EXTENSION scoring CASCADE")
    with extended.connect() as superuser:
        superuser.execute("DROP DATABASE modest WITH (FORCE)")
        superuser.execute("DROP ROLE modest")


@pytest.mark.parametrize(
    "name", ['x"; DROP TABLE golden; --', "'; DROP TABLE golden; --", "名前 ñ", "a\\b", "%s %I", "x" * 200]
)
def test_hostile_names(trained: Trained, connection: Connection, name: str) -> None:
    connection.execute("SELECT scoring.install(%s, %s)", [name, trained.scorer.artifact.data])
    expected = connection.execute("SELECT scoring.score('golden', t) FROM golden t WHERE id = 5").fetchone()
    query = "SELECT scoring.score(%s, t) FROM golden t WHERE id = 5"
    assert connection.execute(query, [name]).fetchone() == expected
    function = name[:50]
    connection.execute("SELECT scoring.create_function(%s, %s, 'public')", [name, function])
    values = sql.SQL(", ").join(map(sql.Identifier, NAMES))
    call = sql.SQL("SELECT s.* FROM golden, LATERAL {}({}) s WHERE id = 5").format(
        sql.Identifier(function), values
    )
    assert [list(row) for row in connection.execute(call)] == [list(*(expected or ()))]
    connection.execute("SELECT scoring.drop_function(%s, 'public')", [function])
    connection.execute("SELECT scoring.remove(%s)", [name])
    assert connection.execute("SELECT count(*) FROM golden").fetchone() == (len(trained.table),)


def test_a_thousand_columns_and_the_most_there_can_be(connection: Connection, tmp_path: Any) -> None:
    random = np.random.default_rng(2)
    rows = random.normal(size=(300, 1000)).astype(np.float32).astype(np.float64)  # a page holds a row of them
    booster = lightgbm.train(
        {"objective": "regression", "num_threads": 1, "verbose": -1},
        lightgbm.Dataset(rows, rows @ random.normal(size=1000)),
        20,
    )
    scoring.pack(booster, tmp_path / "wide.pipeline", X=rows)
    scorer = scoring.load(tmp_path / "wide.pipeline")
    connection.execute("SELECT scoring.install('wide', %s)", [scorer.artifact.data])
    for columns in (1000, 1600):
        names = [
            *(f'"{name}" real' for name in scorer.schema.names),
            *(f"x{n} float8" for n in range(columns - 1001)),
            "id int",
        ]
        connection.execute(
            f"DROP TABLE IF EXISTS wide; CREATE TABLE wide ({', '.join(names[-columns:])})".encode()
        )
        if columns == 1000:  # one input less than there are
            with pytest.raises(psycopg.errors.UndefinedColumn, match="no column"):
                connection.execute(
                    "INSERT INTO wide DEFAULT VALUES; SELECT scoring.score('wide', t) FROM wide t"
                )
            continue
        listed = ", ".join(f'"{name}"' for name in (*scorer.schema.names, "id"))
        with connection.cursor().copy(f"COPY wide ({listed}) FROM STDIN".encode()) as out:
            for number, row in enumerate(rows):
                out.write_row([*map(float, row), number])
        expected = [[value] for value in booster.predict(rows)]
        assert connection.execute(
            "SELECT id, scoring.score('wide', t) FROM wide t ORDER BY id"
        ).fetchall() == list(enumerate(expected))
        query = (
            "SELECT * FROM scoring.score_rows('wide', 'TABLE wide ORDER BY id') AS r (target float8, id int)"
        )
        assert connection.execute(query).fetchall() == [
            (value[0], place) for place, value in enumerate(expected)
        ]
        connection.execute("SELECT scoring.create_function('wide', 'wide_score', 'public')")
        query = "SELECT (wide_score(t)).* FROM wide t ORDER BY id"
        assert [list(row) for row in connection.execute(query)] == expected
        connection.execute("SELECT scoring.drop_function('wide_score', 'public')")
