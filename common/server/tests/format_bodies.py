"""Bodies in each format, what answers them, and two artifacts to answer with."""

import asyncio
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
import scoring
from scoring import contract
from scoring.problem import Problem
from scoring.settings import Settings
from server import formats
from server.call import Answer, Body, Call, Served

CSV, NDJSON, ARROW = "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"
RNG = np.random.default_rng(11)
FIELDS = ["id", "a", "b", "c", "colour"]


def forest(folder: Path) -> scoring.Scorer:
    """A classifier with missing values and a category whose names need quoting."""
    rows = 300
    table = pd.DataFrame(RNG.normal(size=(rows, 3)), columns=["a", "b", "c"])
    table.loc[::7, "b"] = np.nan
    table["colour"] = pd.Categorical(RNG.choice(["red", "green, dark", 'blue "sky"'], rows))
    y = (table.a > 0).astype(int) + (table.colour == "red").astype(int)
    parameters = {
        "objective": "multiclass",
        "num_class": 3,
        "num_threads": 1,
        "verbose": -1,
        "min_data_in_leaf": 5,
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, y), 5)
    path = folder / "model.pipeline"
    scoring.pack(booster, path, labels=["low", "mid", "high"], target="y", X=table)
    return scoring.load(path)


def plain(folder: Path) -> scoring.Scorer:
    """A regression of numbers alone."""
    table = pd.DataFrame(RNG.normal(size=(200, 4)), columns=list("abcd"))
    parameters = {"objective": "regression", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5}
    booster = lightgbm.train(parameters, lightgbm.Dataset(table, table.a + table.b), 5)
    path = folder / "numbers.pipeline"
    scoring.pack(booster, path, target="y", X=table)
    return scoring.load(path)


class Inline:
    """Does the work of a call at once."""

    async def run(self, call: Call, limit: str, function: Any) -> Any:
        return function()


def call(
    scorer: scoring.Scorer,
    body: bytes,
    sends: str = CSV,
    accepts: str | None = None,
    query: Mapping[str, list[str]] | None = None,
    settings: Settings | None = None,
    piece: int = 1 << 16,
    **headers: str,
) -> Call:
    async def receive() -> Mapping[str, Any]:
        nonlocal body
        first, body = body[:piece], body[piece:]
        return {"type": "http.request", "body": first, "more_body": bool(body)}

    sent = {b"content-type": sends.encode()}
    if accepts is not None:
        sent[b"accept"] = accepts.encode()
    sent |= {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    settings = settings or Settings()
    served = Served(scorer, settings, scorer.digest, scorer.id, ())
    arrives = Body(receive, settings.limits.body_bytes)
    return Call("POST", "/model/score", dict(query or {}), sent, arrives, served, "r", Inline())


async def whole(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([piece async for piece in answer.body])


def score(made: Call, contributions: bool = False) -> bytes:
    async def run() -> bytes:
        answer = await (formats.contribution if contributions else formats.score)(made)
        assert answer.status == 200
        return await whole(answer)

    return asyncio.run(run())


def refused(made: Call, contributions: bool = False) -> Problem:
    with pytest.raises(Problem) as caught:
        score(made, contributions)
    return caught.value


def outcome(work: Any) -> Any:
    """Return what the work gives, or the status and the body of the problem that it ends with."""
    try:
        return work()
    except Problem as problem:
        return problem.status, problem.to_dict()


def rows(count: int = 40) -> list[list[Any]]:
    colours = ["red", "green, dark", 'blue "sky"', "unheard\nof", None]
    return [
        [f"id-{k}", float(RNG.normal()), None if k % 5 == 0 else float(RNG.normal()), k, colours[k % 5]]
        for k in range(count)
    ]


def as_csv(fields: list[str], lines: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows(lines)
    return text.getvalue().encode()


def as_ndjson(fields: list[str], lines: list[list[Any]]) -> bytes:
    return "".join(json.dumps(dict(zip(fields, line, strict=True))) + "\n" for line in lines).encode()


def as_arrow(fields: list[str], lines: list[list[Any]], batch: int = 7) -> bytes:
    columns = {name: [line[k] for line in lines] for k, name in enumerate(fields)}
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)
    return sink.getvalue()


WRITERS = {CSV: as_csv, NDJSON: as_ndjson, ARROW: as_arrow}


def read(media: str, body: bytes) -> list[dict[str, Any]]:
    if media == CSV:
        return list(csv.DictReader(io.StringIO(body.decode())))
    if media == NDJSON:
        return [json.loads(line) for line in body.splitlines()]
    found: list[dict[str, Any]] = pa.ipc.open_stream(body).read_all().to_pylist()
    return found


def answered(
    scorer: scoring.Scorer, fields: list[str], lines: list[list[Any]], **members: Any
) -> dict[str, Any]:
    request = {"fields": fields, "rows": lines, "typedOutput": True, **members}
    found: dict[str, Any] = json.loads(contract.answer(scorer, json.dumps(request).encode()))
    return found
