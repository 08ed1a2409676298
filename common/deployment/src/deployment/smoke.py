"""The smoke test: the deployment must give the scores that the same artifact gives here, to the last byte."""

import csv
import http.client
import io
import json
import math
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from scoring import contract
from scoring.problem import Problem
from scoring.scorer import Scorer

WAIT = 90.0
"""Seconds until a new deployment must answer: keys and functions take a while to be known everywhere."""

_NOT_YET = (0, 403, 404, 408, 425, 429, 500, 502, 503, 504)
# In a score_command: a request needs more than a key.
_PRIVATE = ("identity-token", "--cacert", "sagemaker-runtime")
_ONE = 30.0  # seconds for one request
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# How many doubles scores of plain SQL may be apart: the exponential function is the database's own, and where
# it is the next double, a quotient of two may be so many away.
_APART = 4
_SHOWN = 300  # characters of an answer that a problem repeats


def smoke(
    interface: str,
    outputs: Mapping[str, Any],
    scorer: Scorer,
    say: Callable[[str], None],
    environment: Mapping[str, str],
    wait: float = WAIT,
) -> None:
    """Score the sample request there and here and compare; raises Problem when they differ.

    A deployment that does not answer yet, or still with an earlier pipeline, is asked again for `wait`
    seconds. Where a request needs more than a key, such as a token or an authority of one's own, the recipe's
    `score_command` is run. Where the target is a database, that prints the sample's scores as CSV; only where
    the recipe's output `form` is "plain" they may differ by what the database's exponential function does.
    """
    command = str(outputs.get("score_command") or "")
    if interface != "http":
        _query(
            _run(command, outputs, environment), scorer, say, _APART if outputs.get("form") == "plain" else 0
        )
        return
    body = contract.sample_request(scorer)
    address = str(outputs.get("url")).rstrip("/")
    if any(word in command for word in _PRIVATE):
        where = "the recipe's score_command"
        ask = _by_command(command, outputs, environment)
    else:
        where = address if address.endswith("/model/score") else f"{address}/model/score"
        ask = _by_request(where, body, outputs.get("api_key"))
    _compare(where, ask, scorer, scorer.score_json(body), say, wait)


def _compare(
    where: str,
    ask: "Callable[[], Answer]",
    scorer: Scorer,
    expected: bytes,
    say: Callable[[str], None],
    wait: float,
) -> None:
    """Ask until the answer is the expected one or can no longer become it."""
    begin, pause, tries = time.monotonic(), 0.1, 0
    while True:
        tries += 1
        answer = ask()
        another = answer.digest not in (None, scorer.digest)
        if answer.status == 200 and not another and _same(answer.body, expected):
            taken = time.monotonic() - begin
            say(f"Smoke test: {where} gives the same scores as here, byte for byte ({taken:.1f} s).")
            return
        old = answer.status == 200 and (another or _id(answer.body) != scorer.id)  # the switch is on its way
        late = time.monotonic() - begin + pause > wait
        if late or not (old or answer.status in _NOT_YET):
            tried = f"{wait:.0f} s ({tries} tries)"
            raise _fault(where, answer, expected, tried, another)
        time.sleep(pause)
        pause = min(2.0, pause * 1.5)


@dataclass(frozen=True)
class Answer:
    """What came back: status 0 and the reason if nothing did."""

    status: int
    body: bytes
    digest: str | None = None


def _by_request(address: str, body: bytes, key: Any) -> Callable[[], Answer]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if key is not None:
        headers["x-api-key"] = str(key)
    host = urlsplit(address)
    if host.scheme not in ("http", "https"):
        raise Problem("url_invalid", 500, f"The output url is {address!r}, which is no web address.", "")
    # A proxy of the environment cannot reach this machine's own addresses.
    handlers = [urllib.request.ProxyHandler({})] if host.hostname in _LOOPBACK else []
    opener = urllib.request.build_opener(*handlers)

    def ask() -> Answer:
        request = urllib.request.Request(address, body, headers)  # noqa: S310 -- the scheme is checked above
        try:
            with opener.open(request, timeout=_ONE) as response:
                digest = response.headers.get("x-pipeline-digest")
                return Answer(int(response.status), response.read(), digest)
        except urllib.error.HTTPError as fault:
            with fault:
                return Answer(fault.code, fault.read())
        except (OSError, http.client.HTTPException) as fault:
            return Answer(0, str(getattr(fault, "reason", fault)).encode())

    return ask


def _by_command(
    command: str, outputs: Mapping[str, Any], environment: Mapping[str, str]
) -> Callable[[], Answer]:
    def ask() -> Answer:
        done = _shell(command, outputs, environment)
        if done.returncode:
            return Answer(0, (done.stderr or done.stdout).strip())
        return Answer(200, done.stdout)

    return ask


def _shell(
    command: str, outputs: Mapping[str, Any], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    """Run the recipe's own command as a person does who pastes it: pipes and $(...) belong to it."""
    key = outputs.get("api_key")
    keyed = {} if key is None else {"API_KEY": str(key)}
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env={**environment, **keyed},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _same(answer: bytes, expected: bytes) -> bool:
    return answer == expected or _scores(answer) == _scores(expected)


def _scores(body: bytes) -> tuple[Any, Any] | None:
    try:
        document = json.loads(body, parse_float=str, parse_int=str)
        return document["fields"], document["score"]
    except (ValueError, KeyError, TypeError):
        return None


def _id(body: bytes) -> Any:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get("id") if isinstance(document, dict) else None


def _fault(where: str, answer: Answer, expected: bytes, tried: str, another: bool) -> Problem:
    shown = answer.body.decode(errors="replace")[:_SHOWN]
    if answer.status == 0:
        what = f"{where} did not answer within {tried}: {shown}."
    elif answer.status != 200:
        what = f"{where} answers the sample request with status {answer.status}: {shown}"
    elif _scores(answer.body) is None:
        what = f"{where} answers with something else than scores: {shown}"
    elif another:
        what = f"{where} gives the scores of another artifact: {answer.digest}."
    else:
        right = expected.decode(errors="replace")[:_SHOWN]
        what = f"{where} gives other scores than here: {shown}, expected {right}"
    hint = "Look at the logs; `rollback` goes back to the release before this one."
    return Problem("smoke_failed", 500, what, hint)


def _run(command: str, outputs: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Run the command of a target that is no HTTP server; it must end well and print something."""
    if not command:
        raise Problem("smoke_failed", 500, "The recipe has no output score_command to test with.", "")
    done = _shell(command, outputs, environment)
    if done.returncode or not done.stdout.strip():
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-_SHOWN:]
        raise Problem(
            "smoke_failed",
            500,
            f"The recipe's score_command failed with code {done.returncode}: {said}",
            f"Run it by hand to see more: {command}",
        )
    return done.stdout.decode(errors="replace").strip()


def _query(printed: str, scorer: Scorer, say: Callable[[str], None], most: int) -> None:
    """Compare the outputs that a query has printed as CSV with those of the sample request here.

    `most` is by how many doubles they may be apart.
    """
    lines = list(csv.DictReader(io.StringIO(printed)))
    if not lines or not set(scorer.output_names) <= set(lines[0]):
        rows = printed.splitlines()
        say(f"Smoke test: the recipe's score_command ran; it printed {len(rows)} lines: {rows[0]!r} ...")
        return
    expected = scorer.outputs(json.loads(contract.sample_request(scorer))["rows"])
    try:
        found = [[float(line[name]) for name in scorer.output_names] for line in lines]
    except (TypeError, ValueError):
        found = []
    apart = _apart(expected.tolist(), found)
    if apart > most:
        detail = f"The database scores {printed[:_SHOWN]}, expected {expected.tolist()}"[: 3 * _SHOWN]
        hint = "Look at the logs; `rollback` goes back to the release before this one."
        raise Problem("smoke_failed", 500, detail, hint)
    count = f"{len(found)} row{'s' * (len(found) > 1)}"
    how = "to the last bit" if not apart else f"but for the last place: at most {apart:.0f} doubles apart"
    say(f"Smoke test: the database gives the same scores as here, {how} ({count}).")


def _apart(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """Return how many doubles lie between two tables of scores, at most; infinite if they are not alike."""
    if len(ours) != len(theirs):
        return math.inf
    pairs = [pair for one, other in zip(ours, theirs, strict=True) for pair in zip(one, other, strict=True)]
    return max((_distance(*pair) for pair in pairs), default=math.inf)


def _distance(one: float, other: float) -> float:
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    finite = math.isfinite(one) and math.isfinite(other)
    return abs(one - other) / math.ulp(one) if finite else math.inf
