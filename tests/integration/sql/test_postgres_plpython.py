"""The PL/Python form: the engine's scores to the last bit, in a server whose Python has the core."""

import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import scoring
from extension_models import NAMES, Trained
from psycopg import sql
from sql_scorer import installation, plpython
from sql_scorer.place import Place


@pytest.fixture(scope="module")
def session(postgres: Any) -> Iterator[psycopg.Connection[Any]]:
    """A session in a server that has PL/Python and finds scoring-core."""
    places = [str(Path(scoring.__file__).parents[1]), sysconfig.get_paths()["purelib"]]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(places)
    try:
        postgres.stop()
        postgres.start()  # a server's environment is that of who starts it
        with psycopg.connect(postgres.database("python"), autocommit=True) as made:
            try:
                made.execute("CREATE EXTENSION plpython3u")
                made.execute("DO $$ import scoring $$ LANGUAGE plpython3u")
            except psycopg.Error as fault:
                pytest.skip(f"PL/Python does not run here: {fault}")
            made.execute("CREATE SCHEMA rig; CREATE TABLE rig.artifacts (digest text, artifact bytea)")
            yield made
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@pytest.mark.parametrize(
    ("objective", "labels"),
    [("regression", None), ("binary", ["no", "yes"]), ("multiclass", ["low", "mid", "high"])],
)
def test_scores(
    session: psycopg.Connection[Any], made: Callable[..., Trained], objective: str, labels: list[str] | None
) -> None:
    trained = made(objective, labels)
    session.execute(
        "INSERT INTO rig.artifacts VALUES (%s, %s)", [trained.scorer.digest, trained.scorer.artifact.data]
    )
    session.execute("DROP FUNCTION IF EXISTS rig.score")
    session.execute(plpython.statement(trained.scorer, Place("rig", "rig")))
    rows = []
    for row in trained.table[:500].itertuples(index=False, name=None):
        cells = [None if cell is None or cell != cell else cell for cell in row]
        call = sql.SQL("SELECT * FROM rig.score({})").format(sql.SQL(", ").join(map(sql.Literal, cells)))
        rows.append(session.execute(call).fetchone())
    assert np.array_equal(np.array(rows, np.float64), trained.outputs()[:500])
    assert session.execute(
        "SELECT provolatile, proparallel FROM pg_proc WHERE proname = 'score'"
    ).fetchone() == ("s", "s")
    assert len(NAMES) == len(trained.scorer.schema)


def test_a_missing_artifact(session: psycopg.Connection[Any], made: Callable[..., Trained]) -> None:
    trained = made("regression", None, 7)
    session.execute("DROP FUNCTION IF EXISTS rig.score")
    session.execute(plpython.statement(trained.scorer, Place("rig", "rig")))
    with pytest.raises(psycopg.errors.UndefinedObject) as caught:
        session.execute("SELECT * FROM rig.score(1, 2, 3, 4, 'blue')")
    assert "Install the pipeline again" in (caught.value.diag.message_hint or "")


def test_installed_as_the_other_forms_are(
    session: psycopg.Connection[Any],
    postgres: Any,
    made: Callable[..., Trained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = tmp_path / "services.conf"
    services.write_text(
        f"[rig]\nhost={postgres.folder}\nport={postgres.port}\nuser=postgres\ndbname=python\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    session.execute("DROP ROLE IF EXISTS caller")
    session.execute("CREATE ROLE caller")
    place, trained = Place("rig", "deployed"), made("binary", ["no", "yes"])
    path = tmp_path / "m.pipeline"
    path.write_bytes(trained.scorer.artifact.data)
    installation.prepare(place)

    for form in ("plain", "plpython"):
        installation.install(place, path, form, ["caller"])
        assert installation.status(place)["form"] == form

    session.execute("SET ROLE caller")
    found = session.execute("SELECT * FROM deployed.sample").fetchall()
    session.execute("RESET ROLE")
    assert np.array(found, np.float64).shape[1] == 2
    installation.remove(place)
    session.execute("DROP ROLE caller")
