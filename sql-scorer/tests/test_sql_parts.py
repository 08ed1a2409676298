"""The small parts: where things are installed, constants of the sample, and the package."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from scoring.problem import Problem
from scoring.schema import BOOL, FLOAT64, INT64, STR, TIME64, Field
from sql_scorer import package as packaging
from sql_scorer.__main__ import main
from sql_scorer.native import vendor_native
from sql_scorer.place import Place, explained
from sql_scorer.program import MANIFEST
from sql_scorer.sample import _literal, sample_view


def test_a_place_is_what_the_environment_says() -> None:
    assert Place.given({"SERVICE": "rig", "SCHEMA": "cooler"}) == Place("rig", "cooler")


@pytest.mark.parametrize(
    ("service", "schema"),
    [
        ("", "cooler"), ("rig", ""), ("rig host=evil", "cooler"), ("rig", "public"), ("rig", "pg_temp"),
        ("rig", 'a"; DROP TABLE b'), ("rig", "information_schema"), ("rig", "Cooler"), ("rig", "a" * 64),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused(service: str, schema: str) -> None:
    with pytest.raises(Problem):
        Place.given({"SERVICE": service, "SCHEMA": schema})


@pytest.mark.parametrize(
    ("kind", "cell", "text"),
    [
        (FLOAT64, " 1.50 ", "'1.5'::double precision"),
        (FLOAT64, "NA", "NULL::double precision"),
        (INT64, "7", "'7.0'::double precision"),
        (BOOL, "yes", "'true'::boolean"),
        (TIME64, "2020-02-03T04:05:06.5+01:00", "'2020-02-03T03:05:06.500000'::timestamp"),
        (STR, "it's", "'it''s'::text"),
        (STR, "", "NULL::text"),
    ],
)
def test_a_cell_becomes_a_constant(kind: str, cell: str, text: str) -> None:
    categories = ("it's", "b") if kind == STR else None
    assert _literal(Field("a", kind, categories=categories), cell).as_string(None) == text


def test_the_sample_is_a_view_over_the_function(scorer: Any) -> None:
    text = sample_view(scorer, Place("rig", "cooler")).as_string(None)
    assert text.startswith('CREATE VIEW "cooler"."sample" AS SELECT s.* FROM (VALUES (')
    assert 'CROSS JOIN LATERAL "cooler"."score"("t"."c0", ' in text


def test_errors_say_what_to_do_and_no_password() -> None:
    refused = explained(psycopg.errors.InsufficientPrivilege("permission denied"), Place("rig", "cooler"))
    assert "GRANT CREATE ON DATABASE" in refused.hint
    unreachable = explained(psycopg.OperationalError("connection refused"), Place("rig", "cooler"))
    assert "pgpass" in unreachable.hint


def test_identifiers_are_quoted() -> None:
    assert Place("rig", "cooler").of('a"b').as_string(None) == '"cooler"."a""b"'
    assert isinstance(Place("rig", "cooler").name, sql.Identifier)


def test_nobody_is_there_to_install_into(
    monkeypatch: pytest.MonkeyPatch, example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "services.conf"
    file.write_text(f"[rig]\nhost={tmp_path}\nport=1\nuser=u\npassword=s3cret\ndbname=d\n")
    for name, value in {"PGSERVICEFILE": str(file), "SERVICE": "rig", "SCHEMA": "cooler"}.items():
        monkeypatch.setenv(name, value)

    assert main(["install", str(example)]) == 1

    said = capsys.readouterr().err
    assert "No connection with service rig" in said
    assert "s3cret" not in said


def test_the_package_takes_no_options(template: Path) -> None:
    with pytest.raises(Problem, match="no option arch"):
        packaging.package(template, {"arch": "x86_64"})


def test_the_package_runs_alone_and_is_always_the_same(template: Path, tmp_path: Path) -> None:
    if not list((template / "vendor").glob("scoring_sql-*.whl")):
        pytest.skip("vendor/ has no wheels here; `make package` puts them there")
    folder = tmp_path / "copy"
    for name in ("src", "vendor"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(template / name)

    (first,) = packaging.package(folder, {})
    content = first.read_bytes()
    first.unlink()
    (second,) = packaging.package(folder, {})

    assert second.read_bytes() == content
    with zipfile.ZipFile(second) as archive:
        names = archive.namelist()
        assert archive.read(MANIFEST).decode().split()[1] == sys.platform
    assert not [name for name in names if name.startswith(("duckdb", "pyarrow", "sqlglot"))]
    done = subprocess.run(
        [second, "status"],
        env={"SERVICE": "nobody", "SCHEMA": "s"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert 'definition of service "nobody" not found' in done.stderr


def test_the_engines_sources_come_along(tmp_path: Path) -> None:
    found = vendor_native(tmp_path)
    if found is None:
        pytest.skip("the engine is installed from a wheel here, without its sources")
    content = found.read_bytes()
    with tarfile.open(found) as archive:
        assert {"capi.cpp", "scoring.h"} <= set(archive.getnames())
    found.unlink()

    vendor_native(tmp_path)

    assert found.read_bytes() == content
