"""A container for many models: what SageMaker does to one, asked of a real process."""

import json

import pytest
import scoring

# A regression of one tree, as LightGBM writes it; a copy of this template has no LightGBM to train one.
MODEL = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=rooms area
feature_infos=[0:58] [1:59]
tree_sizes=401

Tree=0
num_leaves=3
num_cat=0
split_feature=1 0
split_gain=6750 840
threshold=30.000000000000004 43.000000000000007
decision_type=2 2
left_child=-1 -2
right_child=1 -3
leaf_value=27.5 29.699999999999999 31.199999999999999
leaf_weight=15.000000000000002 6.9999999999999991 7.9999999999999991
leaf_count=15 7 8
internal_value=29 30.5
internal_weight=30 15
internal_count=30 15
is_linear=0
shrinkage=1


end of trees
"""


@pytest.fixture(scope="module")
def price(tmp_path_factory):
    """A directory with a second artifact: a regression."""
    folder = tmp_path_factory.mktemp("price")
    (folder / "price.txt").write_text(MODEL)
    scoring.pack(folder / "price.txt", folder / "price.pipeline", target="price")
    return folder


@pytest.fixture
def container(containers):
    return containers(SAGEMAKER_MULTI_MODEL="true", SCORER_MAX_MODELS="2")


def load(container, name, folder):
    body = json.dumps({"model_name": name, "url": str(folder)}).encode()
    return container.ask("POST", "/models", body, content_type="application/json")


def test_models_come_answer_and_go(container, example, price, scorer):
    assert json.loads(container.ask("GET", "/models")[1]) == {"models": []}
    assert load(container, "cooler", example)[0] == 200
    assert load(container, "price", price)[0] == 200

    cards = [
        {"modelName": "cooler", "modelUrl": str(example)}, {"modelName": "price", "modelUrl": str(price)}
    ]  # fmt: skip
    assert json.loads(container.ask("GET", "/models")[1]) == {"models": cards}
    assert json.loads(container.ask("GET", "/models/price")[1]) == cards[1]

    body = (example / "request.json").read_bytes()
    for name, own in (("cooler", scorer), ("price", scoring.load(price / "price.pipeline"))):
        path = f"/models/{name}/invoke"
        if name == "cooler":
            found = container.ask("POST", path, body, content_type="application/json")
            assert found[:2] == (200, own.score_json(body))
        else:
            found = container.ask("POST", path, b'{"instances": [[1, 2]]}', content_type="application/json")
            score = json.loads(found[1])["predictions"][0]["score"]
            assert score == own.predict([[1.0, 2.0]])[0]
        assert found[2]["x-amzn-sagemaker-custom-attributes"] == f"pipeline-digest={own.digest}"

    assert container.ask("DELETE", "/models/price")[0] == 200
    assert container.ask("DELETE", "/models/price")[0] == 404
    assert container.ask("GET", "/models/price")[0] == 404
    assert container.ask("POST", "/models/price/invoke", body, content_type="application/json")[0] == 404
    assert container.ask("POST", "/models/cooler/invoke", body, content_type="application/json")[0] == 200


def test_what_cannot_be_loaded_gets_the_status_that_sagemaker_acts_on(container, example, price, tmp_path):
    assert load(container, "one", example)[0] == 200
    assert load(container, "one", example)[0] == 409
    assert load(container, "two", price)[0] == 200
    assert load(container, "three", price)[0] == 507
    assert container.ask("DELETE", "/models/two")[0] == 200
    assert load(container, "none", tmp_path)[0] == 503
    assert container.ask("POST", "/models", b"[]", content_type="application/json")[0] == 422
    assert container.ask("GET", "/models?next_page_token=x")[0] == 422
    (tmp_path / "broken.pipeline").write_bytes(b"PK")
    assert load(container, "broken", tmp_path)[0] in (422, 503)
    assert len(json.loads(container.ask("GET", "/models")[1])["models"]) == 1


def test_the_placeholder_is_not_for_clients(container, example):
    body = (example / "request.json").read_bytes()

    assert container.ask("POST", "/invocations", body, content_type="application/json")[0] == 404
