# ruff: noqa: E501 -- statements are left whole
"""Addresses, names, keys and the guard: what a user writes, and what is refused."""

import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import scoring
from scoring_sql.beside import Job, Name, key, parse
from scoring_sql.beside.cursor import condition
from scoring_sql.beside.guard import read_only


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("rig", "postgres", "service=rig"),
        ("service=rig", "postgres", "service=rig"),
        ("postgresql://ada@db.example:5433/rig?sslmode=require", "postgres", "postgresql://ada@db.example:5433/rig?sslmode=require"),
        ("postgres://db/rig", "postgres", "postgresql://db/rig"),
        ("postgresql+psycopg://db/rig", "postgres", "postgresql://db/rig"),
        ("host=/run/pg port=1 user='a b'", "postgres", "host=/run/pg port=1 user='a b'"),
        ("sqlite:///rig.db", "sqlite", "rig.db"),
        ("sqlite:////srv/rig.db", "sqlite", "/srv/rig.db"),
        ("duckdb:///rig.duckdb", "duckdb", "rig.duckdb"),
        ("plant/rig.sqlite3", "sqlite", "plant/rig.sqlite3"),
        ("mysql+pymysql://ada@db/rig", "sqlalchemy", "mysql+pymysql://ada@db/rig"),
    ],
)  # fmt: skip
def test_addresses(text: str, kind: str, place: str) -> None:
    address = parse(text)

    assert (address.kind, address.place, address.label) == (
        kind,
        place,
        text if text != "rig" else "service=rig",
    )


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ada:s3cret@db/rig", "postgresql://db/rig?password=s3cret", "host=db password=s3cret",
        "mysql+pymysql://ada:s3cret@db/rig", "host=db password = 's3cret'",
    ],
)  # fmt: skip
def test_a_password_on_the_command_line_is_refused(text: str) -> None:
    with pytest.raises(scoring.Problem) as caught:
        parse(text)

    assert caught.value.code == "credential_on_command_line"
    assert "env:NAME" in caught.value.hint
    assert "s3cret" not in str(caught.value)
    hidden = parse("env:RIG", {"RIG": text})
    assert "s3cret" not in repr(hidden) + hidden.label
    assert hidden.clean("FATAL: s3cret is wrong") == "FATAL: *** is wrong"


@pytest.mark.parametrize("text", ["env:NOT_SET_AT_ALL", "a b", "", "host=db passsword='", "../no?"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(scoring.Problem) as caught:
        parse(text, {})

    assert caught.value.code == "no_address"


def test_files_are_known_by_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "rig").write_bytes(b"SQLite format 3\0")
    (tmp_path / "duck").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 9)

    assert parse(str(tmp_path / "rig")).kind == "sqlite"
    assert parse(str(tmp_path / "duck")).kind == "duckdb"


@pytest.mark.parametrize(
    ("text", "parts"),
    [("t", ("t",)), ("s.t", ("s", "t")), ('"a.b"."c""d"', ("a.b", 'c"d')), ("Ünï; --", ("Ünï; --",)), ("a.b.c", ("a", "b", "c"))],
)  # fmt: skip
def test_names(text: str, parts: tuple[str, ...]) -> None:
    assert Name.parse(text).parts == parts


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", 'a"b', '"a', "a.b.c.d", "a\0b", '""'])
def test_what_is_no_name_is_told(text: str) -> None:
    with pytest.raises(scoring.Problem, match="is no name of a table"):
        Name.parse(text)


@pytest.mark.parametrize(
    "value",
    [5, -(2**63), "it's \U0001f600 \\", 0.1, 1e300, b"\x00\xff", Decimal("12345678901234567890.123"), uuid.UUID(int=7),
     datetime.date(2020, 2, 29), datetime.datetime(2020, 1, 1, 1, 2, 3, 4, datetime.UTC), datetime.time(1, 2, 3, 4)],
)  # fmt: skip
def test_keys_come_back_as_they_were(value: Any) -> None:
    (found,) = key.decode(key.encode([value]))

    assert (type(found), found) == (type(value), value)


def test_a_condition_on_several_columns() -> None:
    assert condition(["a"], ["1"]) == "a > 1"
    assert condition(["a", "b"], ["1", "2"]) == "a >= 1 AND (a > 1 OR (a = 1 AND b > 2))"


@pytest.mark.parametrize("dialect", ["postgres", "sqlite", "duckdb", "mysql"])
@pytest.mark.parametrize(
    "query",
    ["SELECT 1", "SELECT * FROM t;", "WITH x AS (SELECT 1) SELECT * FROM x UNION ALL SELECT 2 -- ; end", "(SELECT 1)",
     "SELECT ';' AS a, \"from\" FROM t /* ; */"],
)  # fmt: skip
def test_queries_that_read_pass(query: str, dialect: str) -> None:
    assert read_only(query, dialect) == query.rstrip(";")


@pytest.mark.parametrize("dialect", ["postgres", "sqlite", "duckdb", "mysql"])
@pytest.mark.parametrize(
    "query",
    ["", "DELETE FROM t", "SELECT 1; DROP TABLE t", "INSERT INTO t SELECT 1", "CREATE TABLE u AS SELECT 1", "TRUNCATE TABLE t",
     "UPDATE t SET a = 1", "SELECT * FROM t FOR UPDATE", "VACUUM", "CALL f()", "SELECT 1 FROM t) x; DROP TABLE t; --", "COMMIT"],
)  # fmt: skip
def test_queries_that_do_more_are_refused(query: str, dialect: str) -> None:
    with pytest.raises(scoring.Problem) as caught:
        read_only(query, dialect)

    assert caught.value.code == "query_refused"


def test_jobs_are_told_apart() -> None:
    job = Job("SELECT 1", ("id",), Name.parse("t"))

    assert job.id("digest", "rig") == Job("SELECT 1", ("id",), Name.parse("t"), chunk_rows=3).id(
        "digest", "rig"
    )
    assert len({job.id("digest", "rig"), job.id("other", "rig"), job.id("digest", "other")}) == 3
    with pytest.raises(scoring.Problem, match="upsert"):
        Job("SELECT 1", ("id",), Name.parse("t"), "upsertt")
