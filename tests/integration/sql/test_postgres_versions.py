"""Versions of a pipeline: installed, activated, rolled back, and seen by every session at the right time."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from extension_models import Trained
from postgres_release import EVERY

Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.parametrize("extended", EVERY, indirect=True, scope="session")
SCORE = "SELECT scoring.score('rig', t) FROM golden t WHERE id = 40"


@pytest.fixture
def pair(made: Callable[..., Trained], connection: Connection) -> tuple[Trained, Trained]:
    """Two versions of one pipeline, the second of which is active."""
    connection.execute("SELECT scoring.remove('rig')")
    first, second = made("regression", None, 30), made("regression", None, 12)
    first.install(connection, "golden")
    for trained in (first, second):
        connection.execute("SELECT scoring.install('rig', %s)", [trained.scorer.artifact.data])
    return first, second


def one(connection: Connection, query: str) -> Any:
    found = connection.execute(query.encode()).fetchone()
    assert found is not None
    return found[0]


def expected(trained: Trained) -> list[float]:
    return [float(trained.outputs()[40, 0])]


def test_install_activate_and_roll_back(pair: tuple[Trained, Trained], connection: Connection) -> None:
    first, second = pair
    assert one(connection, SCORE) == expected(second)
    assert one(connection, "SELECT scoring.rollback('rig')") == first.scorer.digest
    assert one(connection, SCORE) == expected(first)
    with pytest.raises(psycopg.errors.UndefinedObject, match="no earlier activation"):
        connection.execute("SELECT scoring.rollback('rig')")
    for wanted in (f"'{second.scorer.digest}'", "1", "2"):
        assert one(connection, f"SELECT scoring.activate('rig', {wanted})") in (
            first.scorer.digest,
            second.scorer.digest,
        )
    assert one(connection, SCORE) == expected(second)
    connection.execute(
        "SELECT scoring.rollback('rig'), scoring.rollback('rig')"
    )  # 2, then 1, then 2 were active
    assert one(connection, SCORE) == expected(second)
    rows = connection.execute(
        "SELECT version, digest, active FROM scoring.pipelines WHERE name = 'rig' ORDER BY 1"
    )
    assert rows.fetchall() == [(1, first.scorer.digest, False), (2, second.scorer.digest, True)]


def test_installing_again_changes_nothing(pair: tuple[Trained, Trained], connection: Connection) -> None:
    state = "SELECT (SELECT count(*) FROM scoring.pipelines), (SELECT count(*) FROM scoring.activations)"
    before = connection.execute(state).fetchone()
    digest = connection.execute(
        "SELECT scoring.install('rig', %s)", [pair[1].scorer.artifact.data]
    ).fetchone()
    assert digest == (pair[1].scorer.digest,)
    assert connection.execute(state).fetchone() == before


def test_sessions_see_a_switch_with_their_next_statement(
    pair: tuple[Trained, Trained], connection: Connection, database: str
) -> None:
    first, second = pair
    with psycopg.connect(database, autocommit=True) as other, psycopg.connect(database) as frozen:
        other.execute("PREPARE ask AS " + SCORE)
        frozen.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert one(other, "EXECUTE ask") == one(frozen, SCORE) == expected(second)
        connection.execute("SELECT scoring.rollback('rig')")
        assert one(other, "EXECUTE ask") == expected(first)
        assert one(frozen, SCORE) == expected(second)  # its snapshot is from before
        frozen.rollback()
        assert one(frozen, SCORE) == expected(first)


def test_a_switch_is_seen_within_its_own_transaction_and_undone_with_it(
    pair: tuple[Trained, Trained], connection: Connection
) -> None:
    first, second = pair
    connection.execute(
        """CREATE OR REPLACE FUNCTION public.both_versions() RETURNS float8[] LANGUAGE plpgsql AS $$
        DECLARE found float8[]; cells golden;
        BEGIN
          SELECT * INTO cells FROM golden WHERE id = 40;
          FOR version IN 1..2 LOOP
            PERFORM scoring.activate('rig', version);
            found := found || scoring.score('rig', cells);
          END LOOP;
          RETURN found;
        END $$"""
    )
    assert one(connection, "SELECT public.both_versions()") == expected(first) + expected(second)
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT scoring.activate('rig', 1)")
        assert one(connection, SCORE) == expected(first)
    assert one(connection, SCORE) == expected(second)


def test_a_digest_is_for_ever(pair: tuple[Trained, Trained], connection: Connection) -> None:
    first, second = pair
    digest = first.scorer.digest
    connection.execute("SELECT scoring.create_function('rig', 'pinned', 'public', true)")
    values = 'a, "B b", c, "select", "färbe"'
    connection.execute(
        f"CREATE INDEX by_score ON golden ((scoring.score_fixed('{digest}', {values})))".encode()
    )
    connection.execute("SET enable_seqscan = off")
    query = f"FROM golden WHERE scoring.score_fixed('{digest}', {values}) = '{{{expected(first)[0]!r}}}'"
    plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN SELECT id {query}".encode()))
    assert "by_score" in plan
    assert (40,) in connection.execute(f"SELECT id {query}".encode()).fetchall()
    connection.execute("SELECT scoring.rollback('rig')")
    assert one(connection, f"SELECT (pinned({values})).y FROM golden WHERE id = 40") == expected(second)[0]
    connection.execute("DROP INDEX by_score; SELECT scoring.drop_function('pinned', 'public')")


def test_many_pipelines_in_one_query(pair: tuple[Trained, Trained], connection: Connection) -> None:
    connection.execute("SET scoring.cached_pipelines = 1")
    query = """SELECT t.id, p.version, scoring.score(p.digest, t) FROM golden t, scoring.pipelines p
               WHERE p.name = 'rig' AND t.id < 100 ORDER BY t.id, p.version"""
    rows = connection.execute(query).fetchall()
    scores = [trained.outputs()[:100, 0] for trained in pair]
    assert rows == [
        (row, version + 1, [float(scores[version][row])]) for row in range(100) for version in range(2)
    ]


def test_an_artifact_that_was_tampered_with_is_not_scored(
    pair: tuple[Trained, Trained], database: str, connection: Connection
) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(
            "UPDATE scoring.pipelines SET artifact = set_byte(artifact, 900, get_byte(artifact, 900) # 1)"
        )
        with psycopg.connect(database, autocommit=True) as other:  # it has another snapshot, and nothing open
            assert one(other, SCORE) == expected(pair[1])
    connection.execute(
        "UPDATE scoring.pipelines SET artifact = set_byte(artifact, 900, get_byte(artifact, 900) # 1)"
        " WHERE name = 'rig'"
    )
    with (
        psycopg.connect(database, autocommit=True) as other,
        pytest.raises(psycopg.errors.DataCorrupted, match="not what was installed"),
    ):
        other.execute(SCORE)
    connection.execute("SELECT scoring.remove('rig')")
