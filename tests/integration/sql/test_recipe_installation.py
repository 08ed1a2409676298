"""What the recipe's package does to a database: install, status, remove, and nothing to anything else."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import psycopg
import pytest
import scoring
from scoring.problem import Problem
from sql_scorer import installation
from sql_scorer.place import Place


@pytest.fixture
def database(postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that the service `rig` names; `reader` is a role without any rights."""
    url: str = postgres.database("rig")
    file = tmp_path / "services.conf"
    file.write_text(
        f"[rig]\nhost={postgres.folder}\nport={postgres.port}\nuser=postgres\ndbname=rig\n"
        f"[reader]\nhost={postgres.folder}\nport={postgres.port}\nuser=reader\ndbname=rig\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("CREATE TABLE mine (id int PRIMARY KEY, a float8, b float8, colour text)")
        connection.execute("INSERT INTO mine VALUES (1, 0.5, 0.1, 'red'), (2, -0.5, NULL, NULL)")
    return url


Maker = Callable[..., Path]


@pytest.fixture
def pipeline(tmp_path: Path) -> Maker:
    """Make an artifact with these columns and labels."""

    def make(seed: int, names: tuple[str, ...] = ("a", "b"), labels: tuple[str, ...] = ("no", "yes")) -> Path:
        random = np.random.default_rng(seed)
        X = random.normal(size=(200, len(names)))
        parameters = {"objective": "binary", "num_leaves": 5, "num_threads": 1, "verbose": -1, "seed": seed}
        data = lightgbm.Dataset(X, (X[:, 0] > X[:, 1]).astype(int), feature_name=list(names))
        path = tmp_path / f"{seed}-{'-'.join(labels)}.pipeline"
        scoring.pack(lightgbm.train(parameters, data, 5), path, name="m", labels=list(labels), target="y")
        return path

    return make


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def objects(url: str) -> list[tuple[Any, ...]]:
    """All schemas, relations and functions that are not the system's."""
    return ask(
        url,
        "SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'"
        " UNION ALL "
        "SELECT 'relation', oid::regclass::text FROM pg_class WHERE oid >= 16384 AND relkind <> 't'"
        " UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc WHERE oid >= 16384 ORDER BY 1, 2",
    )


PLACE = Place("rig", "cooler", "one")


def test_installed_scored_removed(database: str, pipeline: Maker) -> None:
    before = objects(database)
    path = pipeline(1)
    assert "installed" in installation.install(PLACE, path, "plain", [])
    scorer = scoring.load(path)

    found = ask(database, "SELECT s.* FROM mine t CROSS JOIN LATERAL cooler.score(t.a, t.b) s ORDER BY t.id")

    expected = scorer.outputs([[0.5, 0.1], [-0.5, None]])
    np.testing.assert_array_max_ulp(np.array(found), np.asarray(expected), 1)
    assert installation.status(PLACE, scorer.digest)["state"] == "installed"
    stored = ask(database, "SELECT artifact FROM cooler.artifacts")[0][0]
    assert bytes(stored) == path.read_bytes()
    assert "is in cooler already" in installation.install(PLACE, path, "plain", [])
    assert len(ask(database, "SELECT * FROM cooler.releases")) == 1

    assert "are removed" in installation.remove(PLACE)
    assert objects(database) == before
    assert installation.status(PLACE) == {"state": "absent", "schema": "cooler"}
    assert "There is no schema" in installation.remove(PLACE)


def test_another_artifact_and_back_while_a_view_depends(database: str, pipeline: Maker) -> None:
    first, second = pipeline(1), pipeline(2)
    installation.install(PLACE, first, "plain", [])
    call = "mine t CROSS JOIN LATERAL cooler.score(t.a, t.b) s"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE VIEW faults AS SELECT t.id, s.* FROM {call}")

    scores = []
    for path in (first, second, first):
        installation.install(PLACE, path, "plain", [])
        scores.append(ask(database, "SELECT * FROM faults ORDER BY id"))

    assert scores[0] == scores[2] != scores[1]
    assert [row[0] for row in ask(database, "SELECT digest FROM cooler.releases ORDER BY number")] == [
        scoring.load(path).digest for path in (first, second, first)
    ]
    assert len(ask(database, "SELECT * FROM cooler.artifacts")) == 2
    with pytest.raises(Problem, match="view faults depends"):
        installation.remove(PLACE)
    assert ask(database, "SELECT * FROM faults ORDER BY id") == scores[0]


@pytest.mark.parametrize(
    ("names", "labels"),
    [(("a", "b", "c"), ("no", "yes")), (("a", "b"), ("cold", "hot")), (("b", "a"), ("no", "yes"))],
)
def test_other_inputs_or_outputs_take_the_place_of_the_function(
    database: str, pipeline: Maker, names: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    installation.install(PLACE, pipeline(1), "plain", [])

    other = pipeline(3, names, labels)
    installation.install(PLACE, other, "plain", [])

    assert len(ask(database, "SELECT 1 FROM pg_proc WHERE pronamespace = 'cooler'::regnamespace")) == 1
    assert installation.status(PLACE, scoring.load(other).digest)["state"] == "installed"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE VIEW depends AS SELECT * FROM cooler.sample")
    with pytest.raises(Problem, match=r"depends depends on view cooler\.sample"):
        installation.install(PLACE, pipeline(1), "plain", [])
    assert installation.status(PLACE, scoring.load(other).digest)["state"] == "installed"


def test_what_somebody_changed_is_seen_and_mended(database: str, pipeline: Maker) -> None:
    path = pipeline(1)
    installation.install(PLACE, path, "plain", [])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP VIEW cooler.sample")
    assert installation.status(PLACE)["why"] == "the functions are not those that were installed"

    assert "restored" in installation.install(PLACE, path, "plain", [])

    assert installation.status(PLACE)["state"] == "installed"
    assert installation.status(PLACE, "0" * 64)["why"] == "another artifact is installed"


def test_only_the_given_roles_score(database: str, pipeline: Maker, postgres: Any) -> None:
    reader = database.replace("user=postgres", "user=reader")
    path = pipeline(1)

    installation.install(PLACE, path, "plain", [])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(reader, "SELECT * FROM cooler.score(1, 2)")
    for roles in (["reader"], ["PUBLIC"]):
        installation.install(PLACE, path, "plain", roles)
        assert len(ask(reader, "SELECT * FROM cooler.score(1, 2), cooler.sample")) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(reader, "SELECT * FROM cooler.artifacts")
    installation.install(PLACE, path, "plain", [])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(reader, "SELECT * FROM cooler.sample")
    with pytest.raises(Problem, match='role "nobody; DROP" does not exist'):
        installation.install(PLACE, path, "plain", ["nobody; DROP"])


def test_what_is_not_ours_is_left_alone(database: str, pipeline: Maker) -> None:
    path = pipeline(1)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA theirs")
    with pytest.raises(Problem, match="has something else in it"):
        installation.install(Place("rig", "theirs", "one"), path, "plain", [])
    installation.install(PLACE, path, "plain", [])
    with pytest.raises(Problem, match="belongs to another deployment"):
        installation.install(Place("rig", "cooler", "two"), path, "plain", [])
    with pytest.raises(Problem, match="belongs to another deployment"):
        installation.remove(Place("rig", "cooler", "two"))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE cooler.notes (a int)")
        connection.execute("CREATE FUNCTION cooler.score(text) RETURNS int LANGUAGE sql AS 'SELECT 1'")

    assert "2 object(s) of others" in installation.remove(PLACE)

    assert ("relation", "cooler.notes") in objects(database)
    assert ("function", "cooler.score(text)") in objects(database)


def test_what_the_database_refuses_is_explained(database: str, pipeline: Maker) -> None:
    path = pipeline(1)
    with pytest.raises(Problem, match="GRANT CREATE ON DATABASE"):
        installation.install(Place("reader", "cooler"), path, "plain", [])
    with pytest.raises(Problem, match=r'definition of service "nobody" not found.*pg_service\.conf'):
        installation.install(Place("nobody", "cooler"), path, "plain", [])
    with pytest.raises(Problem, match="Known are extension, plain"):
        installation.install(PLACE, path, "guess", [])


def test_two_at_once_install_one_after_the_other(database: str, pipeline: Maker) -> None:
    environment = {**os.environ, "SERVICE": "rig", "SCHEMA": "cooler", "OWNER": "one"}
    command = [sys.executable, "-m", "sql_scorer", "install", str(pipeline(1))]

    running = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in running]

    assert [process.returncode for process in running] == [0, 0], said
    assert len(ask(database, "SELECT * FROM cooler.releases")) == 1
    assert sum("already" in line for line in said) == 1
