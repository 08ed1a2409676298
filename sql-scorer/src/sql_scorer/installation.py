"""An installation: bring the database to an artifact, say how it is, and take everything away again."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import scoring
from numpy.typing import NDArray
from psycopg import sql
from scoring import contract
from scoring.problem import Problem
from scoring.scorer import Scorer

from sql_scorer import extension, function, ledger, plain, plpython
from sql_scorer.access import grant
from sql_scorer.place import Connection, Place

FORMS: Final = {"extension": extension, "plain": plain, "plpython": plpython}
"""How a pipeline can be in a database, and the module that puts it there."""

ULPS: Final = 4
"""Units in the last place by which a database's exponential function may differ from the engine's."""


def prepare(place: Place) -> str:
    """Make the schema, so that whatever stands in the way of installing is known; return what was done.

    Raises:
        Problem: the database refuses, or the schema is somebody else's.
    """
    with place.transaction() as connection:
        there = ledger.opened(connection, place)
    return f"The schema {place.schema} {'was there already' if there else 'is made'}."


def install(place: Place, pipeline: Path, form: str, roles: Sequence[str], tags: str = "") -> str:
    """Have the functions of an artifact in the schema; return what was done. Done again, it does nothing.

    Everything happens in one transaction: others see the earlier version or this one, and after an error
    the earlier one is there.

    Raises:
        Problem: the artifact is not sound, or the database refuses.
    """
    scorer = scoring.load(pipeline)
    chosen = _form(form)
    with place.transaction() as connection:
        there = ledger.opened(connection, place)
        before = ledger.latest(connection, place) if there else None
        intact = before is not None and before.code == function.code(connection, place)
        same = before is not None and (before.digest, before.form) == (scorer.digest, form)
        if not (same and intact):
            chosen.install(connection, place, scorer)
            if before is not None and before.form != form:
                _form(before.form).forget(connection, place)
            if not same:
                ledger.entered(connection, place, scorer, form, function.code(connection, place))
            else:
                ledger.mended(connection, place, function.code(connection, place))
        ledger.remarked(connection, place, tags)
        named = grant(connection, place, roles)
        if form == "extension":
            extension.grant(connection, named)
        elif form == "plpython":
            plpython.grant(connection, place, named)
        _check(connection, place, scorer)
    if same and intact:
        return f"{scorer.name} ({scorer.digest[:12]}) is in {place.schema} already."
    done = "restored" if same else "installed" if before is None else "in the place of the earlier one"
    return f"{scorer.name} ({scorer.digest[:12]}) is {done}; its sample is {place.schema}.sample."


def remove(place: Place) -> str:
    """Take away what was installed and nothing else; return what was done.

    The schema itself stays if anything of somebody else's is in it.

    Raises:
        Problem: the database refuses, for instance because a view depends on the functions.
    """
    with place.transaction() as connection:
        if not ledger.ours(connection, place):
            return f"There is no schema {place.schema}."
        function.drop(connection, place)
        for form in FORMS.values():
            form.forget(connection, place)
        for table in ledger.TABLES:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {} RESTRICT").format(place.of(table)))
        others = _others(connection, place)
        if others:
            left = f"the schema {place.schema}, which has {others} object(s) of others"
            return f"Everything is removed but {left}."
        connection.execute(sql.SQL("DROP SCHEMA {} RESTRICT").format(place.name))
    return f"The schema {place.schema} and all that was installed in it are removed."


def status(place: Place, wanted: str = "") -> dict[str, Any]:
    """Say how the installation is: `installed`, `changed` (by whom ever) or `absent`.

    `wanted` is the digest that should be there, if one is known. The artifact is taken out of the
    database, and its scores are compared with those of the functions.

    Raises:
        Problem: the database cannot be reached.
    """
    with place.transaction() as connection:
        found = ledger.latest(connection, place) if ledger.ours(connection, place) else None
        if found is None:
            return {"state": "absent", "schema": place.schema}
        why = ""
        if wanted and wanted != found.digest:
            why = "another artifact is installed"
        elif found.code != function.code(connection, place):
            why = "the functions are not those that were installed"
        else:
            try:
                _check(connection, place, _loaded(ledger.artifact(connection, place, found.digest)))
            except Problem as problem:
                why = problem.detail
        return {
            "state": "changed" if why else "installed",
            **({"why": why} if why else {}),
            "schema": place.schema,
            "digest": found.digest,
            "form": found.form,
            "installed_at": found.installed_at.isoformat(timespec="seconds"),
            "installed_by": found.installed_by,
        }


def _form(name: str) -> Any:
    found = FORMS.get(name)
    if found is None:
        raise Problem("form_unknown", 400, f"There is no form {name!r}.", f"Known are {', '.join(FORMS)}.")
    return found


def _check(connection: Connection, place: Place, scorer: Scorer) -> None:
    """Raise Problem if the database's scores of the sample are not the engine's."""
    expected = sample_outputs(scorer)
    rows = connection.execute(sql.SQL("SELECT * FROM {}").format(place.of("sample"))).fetchall()
    found = np.array(rows, np.float64)
    if found.shape != expected.shape or np.any(
        np.abs(found - expected) > ULPS * np.spacing(np.abs(expected))
    ):
        detail = f"The sample scores {found.tolist()} in the database and {expected.tolist()} here."
        raise Problem("scores_differ", 500, detail, "Nothing was changed. Please report this.")


def sample_outputs(scorer: Scorer) -> NDArray[np.float64]:
    """Return the outputs of the sample request, shape (rows, outputs)."""
    return scorer.outputs(json.loads(contract.sample_request(scorer))["rows"])


def _loaded(data: bytes) -> Scorer:
    """Load an artifact from bytes."""
    handle, name = tempfile.mkstemp(suffix=".pipeline")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return scoring.load(Path(name))
    finally:
        Path(name).unlink()


def _others(connection: Connection, place: Place) -> int:
    """Count what is left in the schema."""
    query = (
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid)"
        " + (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid)"
        " + (SELECT count(*) FROM pg_type WHERE typnamespace = n.oid AND typrelid = 0 AND typelem = 0)"
        " FROM pg_namespace n WHERE nspname = %s"
    )
    found = connection.execute(query, [place.schema]).fetchone()
    return 0 if found is None else int(found[0])
