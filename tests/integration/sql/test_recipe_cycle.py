"""The recipe of the SQL template on a real PostgreSQL: from the first apply until nothing is left."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import psycopg
import pytest
import scoring
from cycle import Cycle, Life
from deployment.terraform import Plan, Terraform
from scoring import contract
from scoring.problem import Problem

PASSWORD = "s3cret-in-pgpass"


@pytest.fixture(scope="session")
def template(packaged: Callable[[str], Path]) -> Path:
    """A packaged copy of the template."""
    if shutil.which("psql") is None:
        pytest.skip("psql, which score_command calls, is not installed")
    return packaged("sql-scorer")


@pytest.fixture
def database(postgres: Any) -> Iterator[str]:
    """A database with a table of the user's, and a role `deployer` that may create schemas there."""
    url: str = postgres.database("rig")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE deployer LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("CREATE ROLE analyst LOGIN")
        connection.execute("GRANT CREATE ON DATABASE rig TO deployer")
        connection.execute("CREATE SCHEMA plant CREATE TABLE cycles (id int PRIMARY KEY, a float8, b float8)")
        connection.execute("INSERT INTO plant.cycles VALUES (1, 0.5, 0.1), (2, -0.5, NULL)")
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY deployer, analyst CASCADE")
        connection.execute("DROP ROLE deployer, analyst")


@pytest.fixture
def environment(
    postgres: Any, database: str, terraform_environment: dict[str, str], tmp_path: Path
) -> dict[str, str]:
    """The user's: services in one file, the password in another."""
    services = tmp_path / "services.conf"
    services.write_text(
        f"[rig]\nhost={postgres.folder}\nport={postgres.port}\nuser=deployer\ndbname=rig\n"
        f"[analysis]\nhost={postgres.folder}\nport={postgres.port}\nuser=analyst\ndbname=rig\n"
    )
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:deployer:{PASSWORD}\n")
    passwords.chmod(0o600)
    kept = {name: value for name, value in terraform_environment.items() if not name.startswith("PG")}
    return {**kept, "PGSERVICEFILE": str(services), "PGPASSFILE": str(passwords)}


class Deployment:
    """One recipe with its state; `variables` are those of the last plan."""

    def __init__(self, template: Path, folder: Path, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.environment = environment
        self.state = folder / "state" / "terraform.tfstate"
        self.terraform = Terraform(
            template / "terraform", state=self.state, data=folder / "data",
            environment=environment, log=self.lines.append,
        )  # fmt: skip
        self.terraform.init()
        self.variables: dict[str, Any] = {
            "name": "cooler", "service": "rig", "pipeline_path": str(template / "example/cooler.pipeline"),
        }  # fmt: skip

    def plan(self, **changes: Any) -> Plan:
        self.variables |= changes
        return self.terraform.plan(self.variables)

    def apply(self, **changes: Any) -> dict[str, Any]:
        self.terraform.apply(self.plan(**changes))
        return self.terraform.outputs()

    def shell(self, command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-c", command], env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def deployment(template: Path, environment: dict[str, str], tmp_path: Path) -> Deployment:
    return Deployment(template, tmp_path, environment)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An artifact over the columns of the user's table."""
    return _other(tmp_path)


def _other(folder: Path) -> Path:
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 2))
    parameters = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1}
    data = lightgbm.Dataset(X, (X[:, 0] > X[:, 1]).astype(int), feature_name=["a", "b"])
    path = folder / "other.pipeline"
    scoring.pack(lightgbm.train(parameters, data, 8), path, name="other", labels=["no", "yes"], target="y")
    return path


def objects(url: str) -> list[tuple[Any, ...]]:
    """All schemas, relations, functions and rows that are not the system's."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'"
            " UNION ALL "
            "SELECT 'relation', oid::regclass::text FROM pg_class WHERE oid >= 16384 AND relkind <> 't'"
            " UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc WHERE oid >= 16384"
            " UNION ALL SELECT 'row', c::text FROM plant.cycles c ORDER BY 1, 2"
        ).fetchall()


def scores(printed: str, scorer: scoring.Scorer) -> list[list[float]]:
    return [
        [float(row[name]) for name in scorer.output_names] for row in csv.DictReader(io.StringIO(printed))
    ]


@pytest.fixture(scope="module", params=["sql-scorer"])
def life(
    postgres: Any,
    template: Path,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    """One deployment's life in a database of its own."""
    folder = tmp_path_factory.mktemp("life")
    url: str = postgres.database("life")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA plant CREATE TABLE cycles (id int PRIMARY KEY, a float8, b float8)")
    services = folder / "services.conf"
    services.write_text(f"[rig]\nhost={postgres.folder}\nport={postgres.port}\nuser=postgres\ndbname=life\n")
    made = Deployment(template, folder, {**terraform_environment, "PGSERVICEFILE": str(services)})
    second = _other(folder)
    scorers = {
        tuple(scorer.output_names): scorer
        for scorer in map(scoring.load, (made.variables["pipeline_path"], second))
    }

    def answering(outputs: dict[str, Any]) -> str:
        """The artifact whose outputs these are, once they are its scores of its own sample."""
        printed = made.shell(outputs["score_command"]).stdout
        scorer = scorers[tuple(printed.splitlines()[0].split(","))]
        expected = scorer.outputs(json.loads(contract.sample_request(scorer))["rows"])
        np.testing.assert_array_max_ulp(np.array(scores(printed, scorer)), expected, 1)
        return str(scorer.digest)

    with Life(
        template, made.terraform, made.variables, second, answering=answering, there=lambda: objects(url)
    ) as life:
        life.play()
    return life


class TestCycle(Cycle):
    pass


def test_from_apply_to_destroy(deployment: Deployment, database: str, other: Path, template: Path) -> None:
    before = objects(database)
    first = scoring.load(template / "example/cooler.pipeline")

    outputs = deployment.apply()

    assert outputs["pipeline_digest"] == first.digest
    assert outputs["url"] == "postgresql:///?service=rig"
    expected = first.outputs(json.loads(contract.sample_request(first))["rows"])
    pasted = deployment.shell(outputs["score_command"])
    np.testing.assert_array_max_ulp(np.array(scores(pasted.stdout, first)), expected, 1)
    assert json.loads(deployment.shell(outputs["status_command"]).stdout)["state"] == "installed"
    assert first.digest in deployment.shell(outputs["logs_command"]).stdout
    assert deployment.plan().empty

    second = scoring.load(other)
    outputs = deployment.apply(pipeline_path=str(other), roles=["analyst"], tags={"team": "pumps"})
    assert "team=pumps" in deployment.shell("psql -X service=analysis -c '\\dn+'").stdout
    assert deployment.plan().empty
    query = (
        "SELECT s.* FROM (VALUES (0.5, 0.1), (NULL, 3)) t CROSS JOIN LATERAL cooler.score(column1, column2) s"
    )
    found = deployment.shell(f"psql -X 'service=analysis' --csv -c '{query}'")
    rows = second.outputs([[0.5, 0.1], [None, 3]])
    np.testing.assert_array_max_ulp(np.array(scores(found.stdout, second)), rows, 1)

    deployment.apply(schema="elsewhere")
    assert ("schema", "cooler") not in objects(database)
    assert ("schema", "elsewhere") in objects(database)

    deployment.terraform.destroy(deployment.variables)
    assert objects(database) == before


def test_the_password_is_nowhere(deployment: Deployment, template: Path) -> None:
    deployment.apply()
    kept = [path for path in deployment.state.parent.parent.rglob("*") if path.is_file()]

    assert deployment.state in kept
    assert [path.name for path in kept if PASSWORD in path.read_text(errors="replace")] == ["pgpass"]
    assert PASSWORD not in "\n".join(deployment.lines)
    deployment.terraform.destroy(deployment.variables)


def test_what_changed_in_the_database_is_seen_and_mended(deployment: Deployment, database: str) -> None:
    outputs = deployment.apply()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP VIEW cooler.sample")
    status = deployment.shell(outputs["status_command"])
    assert (status.returncode, json.loads(status.stdout)["state"]) == (3, "changed")

    given = [f"-var={name}={text}" for name, text in deployment.variables.items()]
    done = subprocess.run(
        ["terraform", "apply", "-no-color", "-auto-approve", "-replace=terraform_data.functions",
         f"-state={deployment.state}", *given],
        cwd=deployment.terraform.folder, capture_output=True, text=True, check=False,
        env={**deployment.environment, "TF_DATA_DIR": str(deployment.terraform.data)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

    assert deployment.shell(outputs["status_command"]).returncode == 0
    deployment.terraform.destroy(deployment.variables)


def test_what_is_missing_is_said_with_what_to_do(
    deployment: Deployment, database: str, template: Path
) -> None:
    with pytest.raises(Problem, match=r"No artifact at .*none\.pipeline"):
        deployment.plan(pipeline_path="none.pipeline")
    deployment.variables["pipeline_path"] = str(template / "example/cooler.pipeline")
    with pytest.raises(Problem, match=r"definition of service .*nobody.* not found"):
        deployment.apply(service="nobody")
    with pytest.raises(Problem, match="GRANT CREATE ON DATABASE"):
        deployment.apply(service="analysis")
    assert ("schema", "cooler") not in objects(database)
    deployment.apply(service="rig")
    deployment.terraform.destroy(deployment.variables)


def test_the_recipes_own_tests_pass(deployment: Deployment) -> None:
    done = subprocess.run(
        ["terraform", "test", "-no-color"],
        cwd=deployment.terraform.folder, capture_output=True, text=True, check=False,
        env={**deployment.environment, "TF_DATA_DIR": str(deployment.terraform.data)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(template: Path, root: Path, tmp_path: Path, environment: dict[str, str]) -> Callable[..., str]:
    """A copy of the template elsewhere: a function that runs a command there, as a user of its own would."""
    target = tmp_path / "elsewhere" / "my-scorer"
    shutil.copytree(template, target, ignore=shutil.ignore_patterns("build", "__pycache__", ".terraform*"))
    dropped = ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "MAKEFLAGS", "MAKELEVEL", "PWD")
    own = {name: value for name, value in environment.items() if name not in dropped}
    if shutil.which("uv") is None and (root / ".uv/bin/uv").exists():
        own["PATH"] = f"{root / '.uv/bin'}{os.pathsep}{own['PATH']}"
    own |= {
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "UV_PYTHON_INSTALL_DIR": str(Path.home() / ".local/share/uv/python"),
        "HOME": str(tmp_path / "home"), "SCORING_HOME": str(tmp_path / "scoring"),
    }  # fmt: skip

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*words], cwd=target, env=own, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == code, f"$ {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


def test_every_word_of_the_makefile(copy: Callable[..., str], other: Path, database: str) -> None:
    before = objects(database)
    chosen = "ARGS=--yes --var service=rig"

    assert "cool_cond_y.100" in copy("make", "run")
    copy("make", "package")
    deployed = copy("make", "deploy", "NAME=pumps", chosen)
    assert "the database gives the same scores as here" in deployed
    copy("make", "smoke", "NAME=pumps")
    copy("make", "deploy", "NAME=pumps", f"PIPELINE={other}", chosen)
    assert scoring.load(other).digest in copy("make", "logs", "NAME=pumps")
    copy("make", "rollback", "NAME=pumps", "ARGS=--yes")
    copy("make", "smoke", "NAME=pumps")
    copy("make", "destroy", "NAME=pumps", "ARGS=--yes")

    assert objects(database) == before
    copy("make", "smoke", "NAME=pumps", code=2)


def test_the_commands_of_the_readme(copy: Callable[..., str], template: Path, database: str) -> None:
    before = objects(database)
    text = (template / "README.md").read_text()

    said = [copy("sh", "-e", "-c", block) for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]

    scorer = scoring.load(template / "example/cooler.pipeline")
    expected = scorer.outputs(json.loads(contract.sample_request(scorer))["rows"])[0]
    shown = re.search(r"```csv\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    np.testing.assert_array_max_ulp(np.array(scores(shown[1], scorer)[0]), expected, 1)
    assert any(shown[1].splitlines()[0] in block for block in said)
    assert objects(database) == before
