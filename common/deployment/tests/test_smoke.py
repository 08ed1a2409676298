"""The smoke test against servers that answer late, wrongly, or not at all."""

import json
import threading
import time

import numpy as np
import pytest
import scoring
from deployment.smoke import smoke
from scoring import contract
from scoring.problem import Problem


@pytest.fixture
def lines():
    return []


@pytest.fixture
def test_it(target, pipelines, lines):
    def call(wait=2.0, **outputs):
        given = {"url": f"http://127.0.0.1:{target.port}", "api_key": target.key, **outputs}
        smoke("http", given, scoring.load(pipelines[0]), lines.append, {}, wait)

    target.live.write_bytes(pipelines[0].read_bytes())
    return call


@pytest.mark.parametrize("ending", ["", "/", "/model/score"])
def test_the_same_scores_are_well(test_it, target, lines, ending):
    test_it(url=f"http://127.0.0.1:{target.port}{ending}")

    assert target.seen == ["/model/score"]
    assert "byte for byte" in lines[0]


@pytest.mark.parametrize("status", [403, 502, 503])
def test_a_server_that_is_not_ready_is_asked_again(test_it, target, status):
    target.status = status
    ready = threading.Timer(0.5, setattr, (target, "status", 200))
    ready.start()

    test_it(wait=10.0)
    ready.join()

    assert len(target.seen) > 1


def test_an_earlier_pipeline_is_asked_again(test_it, target, pipelines):
    target.live.write_bytes(pipelines[1].read_bytes())
    switched = threading.Timer(0.5, target.live.write_bytes, (pipelines[0].read_bytes(),))
    switched.start()

    test_it(wait=10.0)
    switched.join()

    assert len(target.seen) > 1


@pytest.mark.parametrize(
    ("status", "answer", "words", "asked_again"),
    [
        (503, None, "status 503: busy", True),
        (422, None, "status 422", False),
        (200, b'{"id": "other", "fields": ["y"], "score": [["1.6"]]}', "gives other scores", True),
        (200, b"<html>", "something else than scores: <html>", True),
    ],
)
def test_other_answers_are_told(test_it, target, status, answer, words, asked_again):
    target.status, target.answer = status, answer

    with pytest.raises(Problem) as fault:
        test_it(wait=1.5)

    assert fault.value.code == "smoke_failed"
    assert words in fault.value.detail
    assert (len(target.seen) > 1) is asked_again


def test_an_earlier_pipeline_with_the_same_scores_is_not_taken_for_the_new_one(test_it, target, digests):
    target.digest = digests[1]

    with pytest.raises(Problem, match="gives the scores of another artifact"):
        test_it(wait=0.3)

    target.digest = digests[0]
    test_it()


def test_a_last_digit_counts(test_it, target, pipelines):
    right = scoring.load(pipelines[0]).score_json(b'{"fields": ["a"], "rows": [["0.25"]]}')
    target.answer = right.replace(b'"1.5"', b'"1.5000000000000002"')
    assert target.answer != right

    with pytest.raises(Problem, match="gives other scores than here"):
        test_it()


def test_nobody_there_is_told_in_time(test_it):
    begin = time.monotonic()

    with pytest.raises(Problem, match="did not answer within 0 s"):
        test_it(wait=0.3, url="http://127.0.0.1:9")

    assert time.monotonic() - begin < 15


def test_a_wrong_key_is_told_without_the_key(test_it):
    with pytest.raises(Problem) as fault:
        test_it(wait=0.2, api_key="not-the-key")

    assert "status 403" in fault.value.detail
    assert "not-the-key" not in str(fault.value)


def test_other_targets_run_their_own_command(pipelines, lines):
    scorer = scoring.load(pipelines[0])
    command = 'test "$API_KEY" = k && printf "1\\n2\\n" | sort -r'

    smoke("sql", {"score_command": command, "api_key": "k"}, scorer, lines.append, {"PATH": "/usr/bin:/bin"})

    assert "it printed 2 lines: '2'" in lines[0]
    with pytest.raises(Problem, match=r"failed with code 3: oh"):
        smoke("sql", {"score_command": "echo oh >&2; exit 3"}, scorer, lines.append, {})


def test_a_private_target_is_asked_with_its_own_command(pipelines, lines):
    scorer = scoring.load(pipelines[0])
    answer = scorer.score_json(b'{"fields": ["a"], "rows": [["0.25"]]}').decode()

    smoke("http", {"score_command": f"echo '{answer}' # identity-token"}, scorer, lines.append, {})

    assert "byte for byte" in lines[0]
    with pytest.raises(Problem, match="something else than scores"):
        smoke("http", {"score_command": "echo 'null' # identity-token"}, scorer, lines.append, {}, 0.2)


def test_scores_that_a_query_prints_are_compared(pipelines, lines):
    scorer = scoring.load(pipelines[0])
    (name,) = scorer.output_names
    (value,) = scorer.outputs(json.loads(contract.sample_request(scorer))["rows"])[0]

    def test_it(text, form="extension"):
        outputs = {"score_command": f"printf 'more,{name}\\n1,{text}\\n'", "form": form}
        smoke("sql", outputs, scorer, lines.append, {"PATH": "/usr/bin:/bin"})

    test_it(repr(float(value)))
    test_it(repr(float(np.nextafter(value, np.inf))), "plain")

    assert "the same scores as here, to the last bit (1 row)" in lines[0]
    assert "at most 1 doubles apart (1 row)" in lines[1]
    with pytest.raises(Problem, match="The database scores"):
        test_it(repr(float(np.nextafter(value, np.inf))))
    for wrong in (repr(float(value) * 1.0000001), "", "yes", "NaN", "inf", f"{value}\\n1,{value}"):
        with pytest.raises(Problem, match="The database scores"):
            test_it(wrong, "plain")
