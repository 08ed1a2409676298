"""The container contract of SageMaker, asked of a real process over HTTP."""

import gzip
import json

import pytest


@pytest.fixture(scope="module")
def container(containers, example, tmp_path_factory):
    """A container whose model directory has the example."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.pipeline").write_bytes((example / "cooler.pipeline").read_bytes())
    return containers(MODEL_DIR=str(folder), SAGEMAKER_MODEL_SERVER_WORKERS="1")


@pytest.fixture(scope="module")
def expected(scorer, request_):
    """The scores of the two rows, as texts."""
    return json.loads(scorer.score_json(json.dumps(request_).encode()))["score"]


def csv(rows):
    return "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()


def test_ping_is_answered_with_nothing_to_read(container):
    assert container.ask("GET", "/ping")[:2] == (200, b"{}")


def test_the_contracts_body_gets_the_contracts_bytes(container, scorer, request_):
    for body in (json.dumps(request_).encode(), b'{"rows": []}', b"{", b""):
        ours = container.invoke(body, "application/json")
        assert ours[:2] == container.ask("POST", "/model/score", body, content_type="application/json")[:2]
    body = json.dumps(request_).encode()
    assert container.invoke(body, "application/json")[1] == scorer.score_json(body)


def test_the_client_is_told_which_artifact_answered(container, scorer, request_):
    name = "x-amzn-sagemaker-custom-attributes"
    body = json.dumps(request_).encode()

    assert container.invoke(body, "application/json")[2][name] == f"pipeline-digest={scorer.digest}"
    headers = {name: "trace=7"}
    found = container.ask("POST", "/invocations", body, **headers, content_type="application/json")
    assert found[2][name] == f"trace=7,pipeline-digest={scorer.digest}"


def test_csv_without_a_header_gets_lines_without_one(container, request_, expected):
    for kind in ("text/csv", "text/csv; charset=utf-8; header=absent"):
        status, body, headers = container.invoke(csv(request_["rows"]), kind)

        assert status == 200, body
        assert headers["content-type"] == "text/csv"
        assert [line.split(",") for line in body.decode().splitlines()] == expected


def test_csv_with_a_header_gets_one(container, scorer, request_, expected):
    body = ",".join(request_["fields"]).encode() + b"\n" + csv(request_["rows"])
    for kind in ("text/csv", "text/csv;header=present"):
        status, found, _ = container.invoke(body, kind)

        assert status == 200, found
        first, *lines = found.decode().splitlines()
        assert first == ",".join(scorer.output_names)
        assert [line.split(",") for line in lines] == expected


def test_a_misspelt_header_is_not_taken_for_a_row(container, request_):
    wrong = [f"{request_['fields'][0]}x", *request_["fields"][1:]]
    status, body, _ = container.invoke(",".join(wrong).encode() + b"\n" + csv(request_["rows"]), "text/csv")

    assert status == 422
    assert request_["fields"][0] in json.loads(body)["hint"]


def test_compressed_csv_is_read_too(container, request_, expected):
    status, body, _ = container.invoke(
        gzip.compress(csv(request_["rows"])), "text/csv", content_encoding="gzip"
    )

    assert status == 200, body
    assert [line.split(",") for line in body.decode().splitlines()] == expected


def test_accept_decides_the_answer(container, scorer, request_, expected):
    status, body, headers = container.invoke(csv(request_["rows"]), "text/csv", accept="application/json")

    assert (status, headers["content-type"]) == (200, "application/json")
    assert body == scorer.score_json(json.dumps(request_).encode())
    assert container.invoke(csv(request_["rows"]), "text/csv", accept="image/png")[0] == 406


def test_json_lines_of_fields_are_answered_by_lines(container, scorer, request_, expected):
    rows = [dict(zip(request_["fields"], row, strict=True)) for row in request_["rows"]]
    body = "\n".join(map(json.dumps, rows)).encode()

    status, found, headers = container.invoke(body, "application/jsonlines")

    assert (status, headers["content-type"]) == (200, "application/jsonlines")
    lines = [json.loads(line) for line in found.splitlines()]
    assert [[repr(line[name]) for name in scorer.output_names] for line in lines] == expected


def forms(request):
    """The same rows in each form that instances have."""
    rows = request["rows"]
    yield [*rows]
    yield [{"features": row} for row in rows]
    yield [{"data": {"features": {"values": row}}} for row in rows]
    yield [dict(zip(request["fields"], row, strict=True)) for row in rows]


@pytest.mark.parametrize("form", range(4))
def test_instances_get_predictions(container, scorer, request_, expected, form):
    instances = list(forms(request_))[form]

    status, body, _ = container.invoke(json.dumps({"instances": instances}).encode(), "application/json")

    assert status == 200, body
    predictions = json.loads(body)["predictions"]
    assert [[repr(number) for number in one["score"]] for one in predictions] == expected
    for one in predictions:
        assert one["predicted_label"] == scorer.labels[one["score"].index(max(one["score"]))]


def test_instances_come_and_go_as_lines(container, request_, expected):
    body = "\n".join(json.dumps({"features": row}) for row in request_["rows"]).encode()

    status, found, headers = container.invoke(body, "application/jsonlines")

    assert (status, headers["content-type"]) == (200, "application/jsonlines")
    lines = [json.loads(line) for line in found.splitlines()]
    assert [[repr(number) for number in line["score"]] for line in lines] == expected
    found = container.invoke(body, "application/jsonlines", accept="text/csv")[1]
    assert [line.split(",") for line in found.decode().splitlines()] == expected


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"instances": []}, "at least one instance"),
        ({"instances": [[1]]}, "Instance 0 has 1 cells, expected 17"),
        ({"instances": [[1] * 17, 5]}, "Instance 1 has no array of cells"),
        ({"instances": [{"PS1_mean": 1}, {}]}, "has not the members of the first one"),
        ({"instances": [{"none_such": 1}]}, "17 faults"),
        ({"instances": [["a"] * 17]}, "17 faults"),
    ],
)
def test_what_is_wrong_with_instances_is_said(container, body, detail):
    status, found, _ = container.invoke(json.dumps(body).encode(), "application/json")

    assert status == 422
    assert detail in found.decode()


def test_recordio_is_refused(container):
    assert container.invoke(b"\n", "application/x-recordio-protobuf")[0] == 415


def test_execution_parameters_are_the_containers_advice(container):
    found = json.loads(container.ask("GET", "/execution-parameters")[1])

    assert set(found) == {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}
    assert (found["BatchStrategy"], found["MaxPayloadInMB"]) == ("MULTI_RECORD", 6)


def test_batch_transform_cuts_a_file_and_the_parts_fit_together(container, scorer, request_):
    """SplitType=Line: the first part has the header, the others have none, and Line assembles the answers."""
    rows = request_["rows"] * 20
    parts = [",".join(request_["fields"]).encode() + b"\n" + csv(rows[:7])]
    parts += [csv(rows[start : start + 7]) for start in range(7, len(rows), 7)]

    out = b"".join(container.invoke(part, "text/csv", accept="text/csv")[1] for part in parts)

    body = json.dumps({"fields": request_["fields"], "rows": rows}).encode()
    expected = json.loads(scorer.score_json(body))["score"]
    assert [line.split(",") for line in out.decode().splitlines()[1:]] == expected
    assert out.count(b"\n") == len(rows) + 1


def test_what_batch_transform_sets_is_taken(containers, example, request_):
    container = containers(
        MODEL_DIR=str(example), SAGEMAKER_BATCH="true", SAGEMAKER_MAX_PAYLOAD_IN_MB="1",
        SAGEMAKER_MAX_CONCURRENT_TRANSFORMS="3", SAGEMAKER_BATCH_STRATEGY="SINGLE_RECORD",
        SAGEMAKER_MODEL_SERVER_WORKERS="2", SCORER_CSV_HEADER="absent",
    )  # fmt: skip

    assert json.loads(container.ask("GET", "/execution-parameters")[1]) == {
        "MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 1
    }  # fmt: skip
    assert container.invoke(b"0" * (1 << 20) + b"1", "text/csv")[0] == 413
    header = ",".join(request_["fields"]).encode() + b"\n"
    assert container.invoke(header + csv(request_["rows"]), "text/csv")[0] == 422  # the header is no row
    assert container.invoke(csv(request_["rows"]), "text/csv")[0] == 200
