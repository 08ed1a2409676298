"""The Open Inference Protocol, version 2, over JSON, so that clients of KServe and Triton can score.

An inference request has one tensor of shape [rows, inputs] with numbers in schema order (of any name), or one
tensor for each input, named after it, of shape [rows] or [rows, 1]: numbers, BOOL, or BYTES for text, which
means what a cell of the JSON contract means. A null is a missing value. The answer has one FP64 tensor of
shape [rows] for each output, named like the columns of a score; `parameters` say which scoring pipeline
gave it. Tensors in binary are not supported. Errors have the shape of the protocol, `{"error": text}`, except
those that concern the server and not the request: 401, 429 and 5xx.
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from scoring import contract
from scoring.body import decode, require_json
from scoring.cell import kind, number_text
from scoring.fault import Faults, refusal
from scoring.problem import Problem
from scoring.schema import BOOL, INT32, INT64, STR, TIME64, Field
from scoring.scorer import Scorer
from scoring.settings import Settings
from scoring.spelling import quoted

from server import __version__
from server.call import JSON, Answer, Call, Served
from server.route import Route

if TYPE_CHECKING:
    from server.app import App

VERSION: Final = "1"
NUMBERS: Final = (
    *(f"INT{bits}" for bits in (8, 16, 32, 64)),
    *(f"UINT{bits}" for bits in (8, 16, 32, 64)),
    *(f"FP{bits}" for bits in (16, 32, 64)),
    "BOOL",
)
DATATYPES: Final = (*NUMBERS, "BYTES")


async def server_card(_call: Call) -> Answer:
    """Answer GET /v2."""
    return _json({"name": "scoring-server", "version": __version__, "extensions": []})


async def live(_call: Call) -> Answer:
    """Answer GET /v2/health/live."""
    return _json({"live": True})


async def model_card(call: Call) -> Answer:
    """Answer GET /v2/models/{name}."""
    served = _model(call)
    scorer = served.scorer
    inputs = [
        {"name": field.name, "datatype": _datatype(field), "shape": [-1]} for field in scorer.schema.inputs
    ]
    outputs = [{"name": name, "datatype": "FP64", "shape": [-1]} for name in scorer.output_names]
    card = {"name": call.parameters["name"], "versions": [VERSION], "platform": "lightgbm_scoring_pipeline"}
    return _json({**card, "inputs": inputs, "outputs": outputs, "parameters": _parameters(served)})


async def infer(call: Call) -> Answer:
    """Answer POST /v2/models/{name}/infer."""
    served = _model(call)
    content_type = call.headers.get(b"content-type")
    require_json(None if content_type is None else content_type.decode("latin-1"))
    if b"content-encoding" in call.headers or b"inference-header-content-length" in call.headers:
        detail = "Only plain JSON can be read here."
        raise refusal(
            "unsupported_media_type", detail, "Send tensors as JSON, neither binary nor compressed."
        )
    body = await call.read()

    def work() -> tuple[int, bytes]:
        request = _request(body)
        names = _wanted(request, served.scorer.output_names)
        fields, rows = _rows(request, served.scorer, served.settings)
        opened = contract.opening(served.scorer, {"fields": fields}, served.settings)
        faults = Faults(served.settings.limits.errors)
        opened.values = opened.columns.matrix(rows, faults, range(len(rows)))
        if faults:
            raise faults.problem()
        result = contract.evaluate(served.scorer, opened, served.settings)
        return len(rows), _written(served, call.parameters["name"], request, names, result)

    call.rows, answer = await call.run(work)
    return Answer(200, JSON, answer)


def _written(
    served: Served, name: str, request: Mapping[str, Any], names: list[str], result: contract.Result
) -> bytes:
    assert result.scores is not None
    places = {name: place for place, name in enumerate(served.scorer.output_names)}
    outputs = [
        {"name": output, "datatype": "FP64", "shape": [len(result.scores)], "data": data}
        for output in names
        for data in (_data(result.scores.column(places[output])),)
    ]
    head = {"model_name": name, "model_version": VERSION}
    if isinstance(request.get("id"), str):
        head["id"] = request["id"]
    return _bytes({**head, "parameters": _parameters(served), "outputs": outputs})


def _data(column: Sequence[float]) -> list[Any]:
    return [
        value if value - value == 0.0 else None if value != value else number_text(value) for value in column
    ]


def _request(body: bytes) -> Mapping[str, Any]:
    request = decode(body)
    if not isinstance(request, dict):
        raise _wrong(f"The body is {kind(request)}, but an object is wanted.")
    return request


def _wanted(request: Mapping[str, Any], outputs: tuple[str, ...]) -> list[str]:
    """Return the names of the outputs that a request asks for: all, unless it lists some."""
    wanted = request.get("outputs")
    if not wanted:
        return list(outputs)
    names = [output.get("name") if isinstance(output, dict) else None for output in _list(wanted, "outputs")]
    for name in names:
        if name not in outputs:
            raise _wrong(f"There is no such output; the outputs are {', '.join(outputs)}.")
    return [str(name) for name in dict.fromkeys(names)]


def _rows(
    request: Mapping[str, Any], scorer: Scorer, settings: Settings
) -> tuple[list[str], list[list[object]]]:
    """Return field names, and rows of cells in their order."""
    tensors = [_tensor(tensor) for tensor in _list(request.get("inputs"), "inputs")]
    if not tensors:
        raise _wrong("The list inputs is empty.")
    inputs = scorer.schema.names
    _, datatype, shape, data = tensors[0]
    if len(tensors) == 1 and len(shape) == 2 and (len(inputs) == 1 or shape[1] != 1):
        if shape[1] != len(inputs):
            raise _wrong(f"The tensor has {shape[1]} columns, but the model has {len(inputs)} inputs.")
        if datatype == "BYTES" or any(field.type == STR for field in scorer.schema.inputs):
            raise _wrong("Inputs that are text want a tensor for each input, named after it.")
        _few(shape[0], settings)
        width = shape[1]
        return list(inputs), [data[start : start + width] for start in range(0, len(data), width)]
    if len({tensor[0] for tensor in tensors}) != len(tensors):
        raise _wrong("Two tensors have the same name.")
    counts = {tensor[2][0] for tensor in tensors}
    if len(counts) != 1 or any(len(tensor[2]) == 2 and tensor[2][1] != 1 for tensor in tensors):
        raise _wrong("The tensors of the inputs want the same shape, [rows] or [rows, 1].")
    _few(counts.pop(), settings)
    rows = [list(row) for row in zip(*(tensor[3] for tensor in tensors), strict=True)]
    return [tensor[0] for tensor in tensors], rows


def _few(rows: int, settings: Settings) -> None:
    if rows > settings.limits.rows:
        raise refusal("too_many_rows", f"The request has more than {settings.limits.rows} rows.")


def _tensor(tensor: Any) -> tuple[str, str, list[int], list[Any]]:
    """Return the name, datatype, shape and flat data of a tensor."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise _wrong("An entry of inputs is not a tensor with a name.")
    name, datatype, shape = tensor["name"], tensor.get("datatype"), tensor.get("shape")
    where = f"The tensor {quoted(name)}"
    if datatype not in DATATYPES:
        raise _wrong(f"{where} has no datatype that is known: {', '.join(DATATYPES)}.")
    if not (isinstance(shape, list) and len(shape) in (1, 2) and all(map(_is_size, shape))):
        raise _wrong(f"{where} has no shape [rows] or [rows, columns] with at least one of each.")
    data = tensor.get("data")
    if not isinstance(data, list):
        raise _wrong(f"{where} has no array data; tensors in binary are not supported.")
    if data and isinstance(data[0], list):
        if len(shape) != 2 or any(type(row) is not list or len(row) != shape[1] for row in data):
            raise _wrong(f"{where} has nested data that do not have its shape.")
        data = [cell for row in data for cell in row]
    if len(data) != math.prod(shape):
        raise _wrong(f"{where} has {len(data)} values, but its shape wants {math.prod(shape)}.")
    fitting: tuple[type, ...] = (str,) if datatype == "BYTES" else (int, float)
    if not all(cell is None or isinstance(cell, fitting) for cell in data):
        raise _wrong(f"{where} has values that are no {datatype}.")
    return name, datatype, shape, data


def _is_size(size: object) -> bool:
    return type(size) is int and 0 < size < 1 << 63


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(f"The key {name} is {'missing' if value is None else kind(value)}; an array is wanted.")
    return value


def _wrong(detail: str) -> Problem:
    return refusal("invalid_request", detail)


def _model(call: Call) -> Served:
    served = call.scorer
    if call.parameters["name"] not in (served.scorer.name, served.id):
        raise refusal("not_found", "There is no such model.", f"The model is {served.scorer.name}.")
    return served


def _datatype(field: Field) -> str:
    if field.type in (STR, TIME64):
        return "BYTES"
    return {BOOL: "BOOL", INT32: "INT32", INT64: "INT64"}.get(field.type, "FP64")


def _parameters(served: Served) -> dict[str, str]:
    return {"pipeline_id": served.id, "pipeline_digest": served.digest}


def _bytes(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _json(document: Any) -> Answer:
    return Answer(200, JSON, _bytes(document))


def _told(handler: Callable[[Call], Awaitable[Answer]]) -> Callable[[Call], Awaitable[Answer]]:
    """Let a handler's problems have the protocol's shape."""

    async def told(call: Call) -> Answer:
        try:
            return await handler(call)
        except Problem as problem:
            if problem.status >= 500 or problem.status in (401, 429):
                raise  # the server logs these and adds headers
            texts = [str(error.get("detail", "")) for error in problem.errors[1:]]
            text = " ".join([str(problem), *texts])
            return Answer(problem.status, JSON, _bytes({"error": text}))

    return told


_MODEL: Final = "/v2/models/{name}"


def routes(app: "App") -> tuple[Route, ...]:
    """Return the routes."""

    async def ready(_call: Call) -> Answer:
        return Answer(200 if app.ready else 503, JSON, _bytes({"ready": app.ready}))

    async def model_ready(call: Call) -> Answer:
        _model(call)
        card = {"name": call.parameters["name"], "ready": app.ready}
        return Answer(200 if app.ready else 503, JSON, _bytes(card))

    return (
        Route("GET", "/v2", server_card, "light"),
        Route("GET", "/v2/health/live", live, "light", "open"),
        Route("GET", "/v2/health/ready", ready, "light", "open"),
        Route("GET", _MODEL, _told(model_card), "light"),
        Route("GET", f"{_MODEL}/ready", _told(model_ready), "light"),
        Route("POST", f"{_MODEL}/infer", _told(infer)),
    )
