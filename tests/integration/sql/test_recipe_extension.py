"""The recipe's two forms in one database: each takes the other's place, and nothing of either is left."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import psycopg
import pytest
import scoring
from deployment.smoke import smoke
from deployment.terraform import Terraform
from psycopg import sql
from scoring.problem import Problem
from sql_scorer import installation
from sql_scorer.place import Place

PLACE = Place("rig", "cooler", "one")


@pytest.fixture
def example(root: Path) -> Path:
    return root / "sql-scorer/example/cooler.pipeline"


@pytest.fixture
def rig(extended: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database on a server that has the extension, for a role without any rights but CREATE in it."""
    url: str = extended.database("rig")
    file = tmp_path / "services.conf"
    file.write_text(f"[rig]\nhost={extended.folder}\nport={extended.port}\nuser=deployer\ndbname=rig\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    request = json.loads((root / "sql-scorer/example/request.json").read_text())
    names = sql.SQL(", ").join(
        sql.SQL("{} float8").format(sql.Identifier(name)) for name in request["fields"]
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE deployer LOGIN")
        connection.execute("CREATE ROLE analyst LOGIN")
        connection.execute("GRANT CREATE ON DATABASE rig TO deployer")
        connection.execute(sql.SQL("CREATE TABLE cycles (id int PRIMARY KEY, {})").format(names))
        connection.execute("GRANT SELECT ON cycles TO analyst")
        marks = ", ".join(["%s"] * (len(request["fields"]) + 1))
        for number, row in enumerate((request["rows"][0], [None] * len(request["fields"]))):
            connection.execute(f"INSERT INTO cycles VALUES ({marks})", [number, *row])
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY deployer, analyst CASCADE")
        connection.execute("DROP ROLE deployer, analyst")


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def objects(url: str) -> list[tuple[Any, ...]]:
    return ask(
        url,
        "SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'"
        " UNION ALL SELECT 'extension', extname::text FROM pg_extension"
        " UNION ALL SELECT 'relation', oid::regclass::text FROM pg_class"
        " WHERE oid >= 16384 AND relkind <> 't'"
        " UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc WHERE oid >= 16384 ORDER BY 1, 2",
    )


def test_from_plain_to_extension_and_back(rig: str, example: Path) -> None:
    before = objects(rig)
    scorer = scoring.load(example)
    cells = [list(row[1:]) for row in ask(rig, "SELECT * FROM cycles ORDER BY id")]
    expected = [tuple(row) for row in scorer.outputs(cells).tolist()]
    columns = ", ".join(f"t.{name}" for name in scorer.schema.names)
    query = f"SELECT s.* FROM cycles t CROSS JOIN LATERAL cooler.score({columns}) s ORDER BY t.id"
    installation.install(PLACE, example, "plain", [])
    with psycopg.connect(rig, autocommit=True) as connection:
        connection.execute(f"CREATE VIEW mine AS {query}".encode())

    assert "in the place of" in installation.install(PLACE, example, "extension", ["analyst"])

    found = installation.status(PLACE, scorer.digest)
    assert (found["state"], found["form"]) == ("installed", "extension")
    assert ask(rig, "SELECT * FROM mine") == expected  # the engine's own bits, through a view that stayed
    assert ask(rig.replace("user=postgres", "user=analyst"), query) == expected
    assert "already" in installation.install(PLACE, example, "extension", ["analyst"])

    installation.install(PLACE, example, "plain", [])
    assert ("extension", "scoring") not in objects(rig)
    assert installation.status(PLACE)["form"] == "plain"
    with psycopg.connect(rig, autocommit=True) as connection:
        connection.execute("DROP VIEW mine")
    installation.install(PLACE, example, "extension", [])
    installation.remove(PLACE)
    assert objects(rig) == before


def test_an_extension_that_was_there_stays(rig: str, example: Path) -> None:
    with psycopg.connect(rig, autocommit=True) as connection:
        connection.execute("SET ROLE deployer")
        connection.execute("CREATE EXTENSION scoring")
    before = objects(rig)

    installation.install(PLACE, example, "extension", [])
    assert ask(rig, "SELECT name FROM scoring.pipelines") == [("cooler",)]
    installation.remove(PLACE)

    assert objects(rig) == before
    assert ask(rig, "SELECT * FROM scoring.pipelines") == []


def test_a_server_without_the_extension_is_told_from_the_others(
    postgres: Any, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.database("bare")
    file = tmp_path / "services.conf"
    file.write_text(f"[rig]\nhost={postgres.folder}\nport={postgres.port}\nuser=postgres\ndbname=bare\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    if ask(url, "SELECT 1 FROM pg_available_extensions WHERE name = 'scoring'"):
        pytest.skip("the extension is installed on this host's own server")

    with pytest.raises(Problem, match="take the form plain"):
        installation.install(PLACE, example, "extension", [])

    assert ("schema", "cooler") not in objects(url)


@pytest.mark.parametrize("form", ["plain", "extension"])
def test_hostile_names_are_names(rig: str, tmp_path: Path, form: str) -> None:
    names = ["x');DROP/**/TABLE/**/cycles;--", "größe", "$scorer$", "in0", "scores", "%s", "out1", "SELECT"]
    X = np.random.default_rng(1).normal(size=(200, len(names)))
    parameters = {"objective": "binary", "num_leaves": 5, "num_threads": 1, "verbose": -1}
    data = lightgbm.Dataset(X, (X.sum(axis=1) > 0).astype(int), feature_name=names)
    path = tmp_path / "hostile.pipeline"
    booster = lightgbm.train(parameters, data, 5)
    scoring.pack(booster, path, name="it's; --", labels=['no"x', "ye's %s"], target="y")
    scorer = scoring.load(path)
    assert list(scorer.schema.names) == names

    installation.install(PLACE, path, form, [])

    values = ", ".join(f"{cell!r}::float8" for cell in X[0].tolist())
    found = ask(rig, f"SELECT * FROM cooler.score({values})")
    np.testing.assert_array_max_ulp(np.array(found), scorer.outputs(X[:1].tolist()), 1)
    assert installation.status(PLACE, scorer.digest)["state"] == "installed"
    assert len(ask(rig, "SELECT * FROM cycles")) == 2
    installation.remove(PLACE)


def test_the_recipe_changes_the_form(
    rig: str,
    example: Path,
    packaged: Callable[[str], Path],
    terraform_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    before = objects(rig)
    template = packaged("sql-scorer")
    environment = {**terraform_environment, "PGSERVICEFILE": os.environ["PGSERVICEFILE"]}
    terraform = Terraform(
        template / "terraform",
        state=tmp_path / "state.tfstate",
        data=tmp_path / "data",
        environment=environment,
    )
    terraform.init()
    variables = {"service": "rig", "pipeline_path": str(template / "example/cooler.pipeline")}

    for form in ("plain", "extension"):
        terraform.apply(terraform.plan({**variables, "form": form}))
        assert terraform.plan({**variables, "form": form}).empty
        assert ask(rig, "SELECT form FROM sql_scorer.releases ORDER BY number DESC LIMIT 1") == [(form,)]
        assert len(ask(rig, "SELECT * FROM sql_scorer.sample")) == 1
        said: list[str] = []
        smoke("sql", terraform.outputs(), scoring.load(example), said.append, environment)
        assert "to the last bit" in said[0] or form == "plain"

    terraform.destroy({**variables, "form": "extension"})
    assert objects(rig) == before
