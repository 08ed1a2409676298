"""Lines as Cloud Logging reads them."""

import json
import pickle
from typing import Any

import pytest
from gcp_cloud_run_scorer.log import CloudForm, form, severe
from server.form import Line

FORM = CloudForm("my-project-123", "cooler", "cooler-1")
TRACE = "105445aa7843bc8bf206b12000100000"


def line(status: int = 200, trace: str = TRACE, code: str = "") -> dict[str, Any]:
    given: Line = (
        *(1.5, "id-1", trace, "POST", "/model/score", status),
        *(605, 190, 1, 0.00123, 0.000025, "0" * 64, "key-1", code),
    )
    found: dict[str, Any] = json.loads(FORM.request(given))
    return found


def test_a_request_is_correlated_and_counted() -> None:
    found = line()

    assert found["logging.googleapis.com/trace"] == f"projects/my-project-123/traces/{TRACE}"
    assert found["logging.googleapis.com/labels"] == {"service": "cooler", "revision": "cooler-1"}
    assert found["time"] == "1970-01-01T00:00:01.500Z"
    assert found["httpRequest"] == {
        "requestMethod": "POST",
        "requestUrl": "/model/score",
        "requestSize": "605",
        "status": 200,
        "responseSize": "190",
        "latency": "0.001230s",
    }


@pytest.mark.parametrize(("status", "severity"), [(200, "INFO"), (422, "WARNING"), (500, "ERROR")])
def test_severities(status: int, severity: str) -> None:
    assert line(status)["severity"] == severity


def test_what_is_unknown_is_left_out() -> None:
    assert "logging.googleapis.com/trace" not in line(trace="")
    assert "code" not in line()
    assert line(422, code="invalid_request")["code"] == "invalid_request"


def test_events_and_the_last_word() -> None:
    assert json.loads(FORM.event(0.0, "defect", {"id": "x"}))["severity"] == "ERROR"
    assert json.loads(FORM.event(0.0, "listening", {"pid": 1}))["pid"] == 1
    assert json.loads(severe({"K_SERVICE": "cooler"}, "no artifact"))["severity"] == "CRITICAL"
    assert severe({}, "no artifact") == "Error: no artifact"


def test_workers_get_a_copy() -> None:
    assert pickle.loads(pickle.dumps(FORM)) == FORM
    assert form({}) is None
