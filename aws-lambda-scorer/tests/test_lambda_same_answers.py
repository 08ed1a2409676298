"""The function answers what the REST server answers: the same status, type and bytes for the same request."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from scoring.cell import number_text

pytest.importorskip("server", reason="the REST server is not installed: nothing to compare with")

from server.app import App, make_app
from server.settings import Settings

CSV = {"content-type": "text/csv"}
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("server")
    path = Path(__file__).parent.parent / "example" / "cooler.pipeline"
    (folder / "state").mkdir()
    made = make_app(Settings(path, access_log=folder / "log", state=folder / "state", watch_seconds=0))
    made.start()
    yield made
    made.close()


def served(app: App, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Any:
    sent: list[Any] = []
    came: list[bool] = []

    async def receive() -> Any:
        if came:
            await asyncio.Event().wait()  # the client neither sends more nor leaves
        came.append(True)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    given.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": given,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    start, *pieces = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(piece["body"] for piece in pieces)


def invoked(
    handle: Any, event: Any, method: str, path: str, query: dict[str, Any], headers: Any, body: bytes
) -> Any:
    from base64 import b64decode, b64encode

    many = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    answer = handle(
        event(
            "rest_api", path=path, httpMethod=method, headers=headers, multiValueHeaders=None,
            multiValueQueryStringParameters=many, pathParameters={"proxy": path.strip("/")},
            body=b64encode(body).decode(), isBase64Encoded=True,
        ), None,
    )  # fmt: skip
    text = answer["body"]
    content = b64decode(text) if answer["isBase64Encoded"] else text.encode()
    return answer["statusCode"], answer["headers"], content


def rows(count: int, **changed: Any) -> tuple[list[str], list[list[Any]]]:
    sample = json.loads((Path(__file__).parent.parent / "example" / "request.json").read_text())
    fields = sample["fields"]
    made = [
        [number_text(float(cell) * (1 + place / 97)) for cell in sample["rows"][0]] for place in range(count)
    ]
    for name, cell in changed.items():
        made[-1][fields.index(name)] = cell
    return fields, made


def as_json(count: int = 2, members: dict[str, Any] | None = None, **changed: Any) -> bytes:
    fields, made = rows(count, **changed)
    return json.dumps({"fields": fields, "rows": made, **(members or {})}).encode()


def as_csv(count: int = 2, **changed: Any) -> bytes:
    fields, made = rows(count, **changed)
    lines = [fields, *([f'"{cell}"' if "," in str(cell) else str(cell) for cell in row] for row in made)]
    return "".join(",".join(line) + "\n" for line in lines).encode()


def as_ndjson(count: int = 2, **changed: Any) -> bytes:
    fields, made = rows(count, **changed)
    return "".join(json.dumps(dict(zip(fields, row, strict=True))) + "\n" for row in made).encode()


def without(body: bytes, name: str) -> bytes:
    lines = [line.split(",") for line in body.decode().splitlines()]
    place = lines[0].index(name)
    return "".join(",".join(line[:place] + line[place + 1 :]) + "\n" for line in lines).encode()


CSV_TO_JSON = {**CSV, "accept": "application/json"}
TWO_MEMBERS = gzip.compress(as_csv(2)[:50]) + gzip.compress(as_csv(2)[50:])
TWO = ["ORIGINAL", "TRANSFORMED"]
SCORE: list[tuple[str, dict[str, Any], dict[str, str], bytes]] = [
    ("json", {}, JSON, as_json()),
    ("json one row", {}, JSON, as_json(1)),
    ("json no type", {}, {}, as_json()),
    ("json typed", {}, JSON, as_json(members={"typedOutput": True})),
    ("json nameless", {}, JSON, as_json(members={"noFieldNamesInOutput": True})),
    ("json echo", {}, JSON, as_json(members={"includeFieldsInOutput": ["vs_vib", "psa_bar"]})),
    *((f"json shapley {kind}", {}, JSON, as_json(members={"requestShapleyValueType": kind})) for kind in TWO),
    ("json flags", {}, JSON, as_json(members={"requestOutOfDistribution": True})),
    ("json gzip", {}, {**JSON, "content-encoding": "gzip"}, gzip.compress(as_json())),
    ("json bad gzip", {}, {**JSON, "content-encoding": "gzip"}, b"not gzip"),
    ("json cut gzip", {}, {**JSON, "content-encoding": "gzip"}, gzip.compress(as_json())[:-9]),
    ("json brotli", {}, {**JSON, "content-encoding": "br"}, as_json()),
    ("json empty", {}, JSON, b""),
    ("json cut", {}, JSON, as_json()[:-4]),
    ("json bad utf-8", {}, JSON, b'{"fields":["\xff"]}'),
    ("json list", {}, JSON, b"[1,2]"),
    ("json bad cell", {}, JSON, as_json(vs_vib="much")),
    ("json bad cells", {}, JSON, as_json(vs_vib="much", psa_bar=[1], pump_eff={"a": 1})),
    ("json no rows", {}, JSON, as_json(0)),
    ("json unknown key", {}, JSON, as_json(members={"rowz": []})),
    ("json options", {"include": "vs_vib"}, JSON, as_json()),
    ("json intervals", {}, JSON, as_json(members={"requestPredictionIntervals": True})),
    ("json to csv", {}, {**JSON, "accept": "text/csv"}, as_json(3)),
    ("json to csv nameless", {}, {**JSON, "accept": "text/csv"},
     as_json(members={"noFieldNamesInOutput": True})),
    ("json to csv echo", {}, {**JSON, "accept": "text/csv"},
     as_json(members={"includeFieldsInOutput": ["vs_vib"], "requestShapleyValueType": "ORIGINAL"},
             psa_bar=None, vs_vib=True)),
    ("json to ndjson echo", {}, {**JSON, "accept": "application/x-ndjson"},
     as_json(members={"includeFieldsInOutput": ["vs_vib", "psa_bar"], "requestOutOfDistribution": True},
             psa_bar=None, vs_vib=3)),
    ("json to csv bad", {}, {**JSON, "accept": "text/csv"}, as_json(vs_vib="much")),
    ("csv to csv", {}, CSV, as_csv(5)),
    ("csv to json", {}, {**CSV, "accept": "application/json"}, as_csv(5)),
    ("csv to ndjson", {}, {**CSV, "accept": "application/x-ndjson"}, as_csv(5)),
    ("csv include", {"include": "vs_vib,psa_bar"}, CSV, as_csv(3)),
    ("csv include twice", {"include": ["vs_vib", "psa_bar"]}, CSV_TO_JSON, as_csv(3)),
    ("csv shapley", {"contributions": "original"}, CSV, as_csv(3)),
    ("csv shapley json", {"contributions": "transformed"}, {**CSV, "accept": "application/json"}, as_csv(3)),
    ("csv flags", {"outOfDistribution": "true"}, CSV, as_csv(3)),
    ("csv unknown option", {"inclde": "vs_vib"}, CSV, as_csv(3)),
    ("csv unknown output", {"include": "vs_vibb"}, CSV, as_csv(3)),
    ("csv bad option", {"contributions": "some"}, CSV, as_csv(3)),
    ("csv bad cells", {}, CSV, as_csv(4, vs_vib="much", psa_bar="more")),
    ("csv bad cells json", {}, CSV_TO_JSON, as_csv(4, vs_vib="much", psa_bar="more")),
    ("csv bad row", {}, CSV, as_csv(4) + b"1,2,3\n"),
    ("csv missing field", {}, CSV, without(as_csv(3), "vs_vib")),
    ("csv misspelt field", {}, CSV, as_csv(3).replace(b"vs_vib", b"vsvib")),
    ("csv double field", {}, CSV, as_csv(3).replace(b"vs_vib", b"psa_bar")),
    ("csv header only", {}, CSV, as_csv(0)),
    ("csv header only json", {}, {**CSV, "accept": "application/json"}, as_csv(0)),
    ("csv empty", {}, CSV, b""),
    ("csv CR", {}, CSV, as_csv(2).replace(b"\n", b"\r")),
    ("csv CRLF", {}, CSV, as_csv(2).replace(b"\n", b"\r\n")),
    ("csv blank lines", {}, CSV, b"\n\n" + as_csv(2) + b"\n\n"),
    ("csv mark", {}, CSV, b"\xef\xbb\xbf" + as_csv(2)),
    ("csv no end", {}, CSV, as_csv(2).rstrip()),
    ("csv quotes", {}, CSV, as_csv(2).replace(b"psa_bar", b'"psa_bar"')),
    ("csv open quote", {}, CSV, as_csv(2) + b'"'),
    ("csv bad utf-8", {}, CSV, as_csv(2) + b"\xff"),
    ("csv missing values", {}, CSV, as_csv(2, vs_vib="", psa_bar="NA")),
    ("csv infinite", {}, CSV, as_csv(2, vs_vib="inf")),
    ("csv gzip", {}, {**CSV, "content-encoding": "gzip"}, TWO_MEMBERS),
    ("csv header absent", {}, {"content-type": "text/csv; header=absent"}, as_csv(2)),
    ("csv latin", {}, {"content-type": "text/csv; charset=latin-1"}, as_csv(2)),
    ("ndjson", {}, NDJSON, as_ndjson(4)),
    ("ndjson to csv", {}, {**NDJSON, "accept": "text/csv"}, as_ndjson(4, vs_vib=None)),
    ("ndjson to json", {}, {**NDJSON, "accept": "application/json"}, as_ndjson(4)),
    ("ndjson include", {"include": "vs_vib"}, NDJSON, as_ndjson(4, vs_vib=1.5)),
    ("ndjson bad cell", {}, NDJSON, as_ndjson(4, vs_vib=[1])),
    ("ndjson bad echo", {"include": "vs_vib"}, NDJSON, as_ndjson(4, vs_vib=[1])),
    ("ndjson twice", {}, NDJSON, as_ndjson(2) + b'{"vs_vib":1,"vs_vib":2}\n'),
    ("ndjson missing", {}, NDJSON, as_ndjson(2) + b'{"vs_vib":"much"}\n'),
    ("ndjson empty", {}, NDJSON, b"\n\n"),
    ("ndjson cut", {}, NDJSON, as_ndjson(2)[:-9]),
    ("ndjson array", {}, NDJSON, b"[1]\n"),
    ("xml", {}, {"content-type": "application/xml"}, b"<a/>"),
    ("accept xml", {}, {**JSON, "accept": "application/xml"}, as_json()),
    ("accept weights", {}, {**JSON, "accept": "text/csv;q=0.5, application/x-ndjson"}, as_json()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "headers", "body"), [case[1:] for case in SCORE], ids=[c[0] for c in SCORE]
)
@pytest.mark.parametrize("path", ["/model/score", "/model/contribution"])
def test_a_body_is_answered_alike(
    app: App, handle: Any, event: Any, path: str, query: dict[str, Any], headers: dict[str, str], body: bytes
) -> None:
    if path == "/model/contribution":  # the same bodies, with what this route wants added
        body = body.replace(b'{"fields"', b'{"requestShapleyValueType": "ORIGINAL", "fields"', 1)
        query = (
            {"contributions": "original", **query} if "content-type" in headers and headers != JSON else query
        )
    text = urlencode(query, doseq=True)

    expected = served(app, "POST", path, text, headers, body)
    found = invoked(handle, event, "POST", path, query, headers, body)

    assert found[0] == expected[0], found[2]
    assert found[2] == expected[2]
    for name in ("content-type", "x-pipeline-id", "x-pipeline-digest"):
        assert found[1].get(name) == expected[1].get(name)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [
    "/model/id", "/model/schema", "/model/sample_request", "/model/sample_contribution_request",
    "/model/capabilities", "/livez", "/readyz", "/openapi.json", "/model/media-score", "/model/scores",
    "/nothing",    "/model",
])  # fmt: skip
def test_a_route_is_answered_alike(app: App, handle: Any, event: Any, method: str, path: str) -> None:
    expected = served(app, method, path, "", {}, b"")
    found = invoked(handle, event, method, path, {}, {}, b"")

    assert found[0] == expected[0]
    assert found[2] == (b"" if method == "HEAD" else expected[2])
    for name in ("content-type", "allow", "x-content-type-options", "cache-control"):
        assert found[1].get(name) == expected[1].get(name)


def test_the_callers_request_id_is_echoed_if_it_is_sane(
    app: App, handle: Any, event: Any, context: Any
) -> None:
    for given in ("abc-1", "x" * 200, "a b", 'a"b'):
        headers = {**JSON, "x-request-id": given}
        expected = served(app, "POST", "/model/score", "", headers, as_json())[1]["x-request-id"]
        answer = handle(event("rest_api", headers=headers, multiValueHeaders=None), context)["headers"]
        assert (answer["x-request-id"] == given) == (expected == given)
        assert answer["x-request-id"] in (given, context.aws_request_id)
