"""Promise of the SQL interface: the same call is answered, or refused, alike by each form of the function."""

import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import psycopg
import pytest
import scoring
from sql_scorer import installation
from sql_scorer.place import Place

FORMS = ("plain", "plpython", "extension")
SCHEMA = {form: f"rig_{form}" for form in FORMS}
COLOURS = ["blue", "green", "red"]
ANSWERED = {
    "numbers and a text": "1, 2.5, 'red'",
    "whole numbers": "1::int, 2::bigint, 'red'",
    "a half missing": "NULL, 2, 'red'",
    "all missing": "NULL, NULL, NULL",
    "NaN is missing": "'NaN', 2, 'red'",
    "an unknown category is missing": "1, 2, 'violet'",
    "an empty category is missing": "1, 2, ''",
    "blanks around a category": "1, 2, ' red '",
    "the greatest double": "1.7976931348623157e308, -1.7976931348623157e308, 'red'",
    "infinity": "'Infinity', '-Infinity', 'red'",
    "next to nothing": "5e-324, -5e-324, 'red'",
    "columns of a row": "t.a, t.b, t.colour",
    "inputs by name": "colour => 'blue', b => 2, a => 1",
}
REFUSED = {
    "too few inputs": ("SELECT * FROM {schema}.score(1, 2)", "42883"),
    "too many inputs": ("SELECT * FROM {schema}.score(1, 2, 'red', 4)", "42883"),
    "no inputs": ("SELECT * FROM {schema}.score()", "42883"),
    "a text for a number": ("SELECT * FROM {schema}.score('one', 2, 'red')", "22P02"),
    "a text column for a number": ("SELECT * FROM t, {schema}.score(t.colour, t.b, t.colour) s", "42883"),
    "a number column for a text": ("SELECT * FROM t, {schema}.score(t.a, t.b, t.b) s", "42883"),
    "a number too large": ("SELECT * FROM {schema}.score('1e999', 2, 'red')", "22003"),
    "a comma in a number": ("SELECT * FROM {schema}.score('1,5', 2, 'red')", "22P02"),
    "hexadecimal": ("SELECT * FROM {schema}.score('0x10x', 2, 'red')", "22P02"),
    "a time for a number": ("SELECT * FROM {schema}.score(now(), 2, 'red')", "42883"),
    "true for a number": ("SELECT * FROM {schema}.score(true, 2, 'red')", "42883"),
    "JSON for a number": ("SELECT * FROM {schema}.score('{{}}'::jsonb, 2, 'red')", "42883"),
    "a row for its columns": ("SELECT * FROM t, {schema}.score(t) s", "42883"),
    "an input that is none": ("SELECT * FROM {schema}.score(a => 1, b => 2, color => 'red')", "42883"),
    "an input twice": ("SELECT * FROM {schema}.score(a => 1, a => 1, b => 2, colour => 'red')", "42601"),
    "a missing column": ("SELECT * FROM t, {schema}.score(t.a, t.bb, t.colour) s", "42703"),
    "an output that is none": ("SELECT s.maybe FROM {schema}.score(1, 2, 'red') s", "42703"),
    "a schema that is none": ("SELECT * FROM {schema}_x.score(1, 2, 'red')", "3F000"),
    "a function that is none": ("SELECT * FROM {schema}.scores(1, 2, 'red')", "42883"),
    "a caller without rights": (
        "SET LOCAL ROLE stranger; SELECT * FROM {schema}.score(1, 2, 'red')",
        "42501",
    ),
    "a caller who would replace it": ("SET LOCAL ROLE stranger; DROP SCHEMA {schema} CASCADE", "42501"),
}


@dataclass(frozen=True)
class Forms:
    """A database in which one artifact lies in each form; `absent` says why one is not there."""

    url: str
    scorer: scoring.Scorer
    absent: dict[str, str]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(5)
    table = pandas.DataFrame({"a": random.normal(size=400), "b": random.normal(size=400)})
    table["colour"] = pandas.Categorical(random.choice(COLOURS, 400), categories=COLOURS)
    table.loc[::9, "a"] = np.nan
    y = ((table.a.fillna(0) + table.b + (table.colour == "red")) > 0.4).astype(int)
    quiet = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1, "min_data_in_leaf": 3}
    path = tmp_path_factory.mktemp("calls") / "rig.pipeline"
    booster = lightgbm.train(quiet, lightgbm.Dataset(table, y), 10)
    scoring.pack(booster, path, labels=["no", "yes"], target="fault", X=table)
    return path


@pytest.fixture(scope="module")
def forms(extended: Any, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forms]:
    """One server with all forms, as far as it takes them."""
    folder = tmp_path_factory.mktemp("services")
    (folder / "services.conf").write_text(
        f"[rig]\nhost={extended.folder}\nport={extended.port}\nuser=postgres\ndbname=calls\n"
    )
    places = [str(Path(scoring.__file__).parents[1]), sysconfig.get_paths()["purelib"]]
    absent: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGSERVICEFILE", str(folder / "services.conf"))
        patch.setenv("PYTHONPATH", os.pathsep.join(places))
        extended.stop()
        extended.start()  # a server's environment is that of who starts it
        url: str = extended.database("calls")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE stranger")
            connection.execute(
                "CREATE TABLE t AS SELECT 0.5::float8 AS a, -1::float8 AS b, 'red'::text AS colour"
            )
            try:
                connection.execute("CREATE EXTENSION plpython3u")
                connection.execute("DO $$ import scoring $$ LANGUAGE plpython3u")
            except psycopg.Error as fault:
                absent["plpython"] = f"PL/Python does not run here: {fault}"
        for form in FORMS:
            if form not in absent:
                installation.install(Place("rig", SCHEMA[form], form), artifact, form, [])
        yield Forms(url, scoring.load(artifact), absent)
        with psycopg.connect(extended.url, autocommit=True) as connection:
            connection.execute("DROP DATABASE calls WITH (FORCE)")
            connection.execute("DROP ROLE stranger")
    extended.stop()
    extended.start()


@pytest.fixture(params=FORMS[1:])
def form(request: pytest.FixtureRequest, forms: Forms) -> str:
    if request.param in forms.absent:
        pytest.skip(forms.absent[request.param])
    return str(request.param)


def answer(forms: Forms, query: str, form: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(forms.url) as connection:
        return connection.execute(query.format(schema=SCHEMA[form]).encode()).fetchall()


def refusal(forms: Forms, query: str, form: str) -> tuple[str | None, ...]:
    """Code, message and hint, with the schema's name taken out."""
    *before, statement = query.format(schema=SCHEMA[form]).split("; ")
    with psycopg.connect(forms.url) as connection:
        for each in before:
            connection.execute(each.encode())
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement.encode())
    told = caught.value.diag
    texts = (told.message_primary, told.message_hint)
    return told.sqlstate, *(text and text.replace(SCHEMA[form], "SCHEMA") for text in texts)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_call_is_answered_alike(forms: Forms, form: str, name: str) -> None:
    query = f"SELECT s.* FROM t, LATERAL {{schema}}.score({ANSWERED[name]}) s"

    (found,), (plain,) = answer(forms, query, form), answer(forms, query, "plain")

    assert np.isfinite(found).all()
    np.testing.assert_array_max_ulp(np.array(plain), np.array(found), 1)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_call_is_refused_alike(forms: Forms, form: str, name: str) -> None:
    query, code = REFUSED[name]

    found = refusal(forms, query, form)

    assert found[0] == code, found
    assert found == refusal(forms, query, "plain")
