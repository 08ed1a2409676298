"""Releases: a new artifact answers, an earlier release answers again, and a share tries another one."""

from collections import Counter
from typing import Any

import scoring

ASKED = 150
SHARE = 0.3
FAR = 5  # standard deviations: a chance of one in a million to be wrong


def test_an_applied_recipe_has_nothing_left_to_do(service: Any) -> None:
    plan = service.terraform.plan(service.variables)

    assert [(change.address, change.actions) for change in plan.changes] == []
    assert plan.empty


def test_a_new_artifact_is_a_new_release_and_the_old_one_can_come_back(service: Any) -> None:
    first, request = service.outputs["release"], service.request
    other = scoring.load(service.other)

    plan = service.apply(pipeline_path=str(service.other), kept_pipeline_paths=[str(service.pipeline)])

    assert "aws_api_gateway_rest_api.scorer" not in {change.address for change in plan.changes}
    assert service.outputs["release"] != first
    assert service.outputs["pipeline_digest"] == other.digest
    assert service.score().body == other.score_json(request) != service.scorer.score_json(request)

    newest = service.outputs["release"]
    service.apply(release=first)

    assert service.outputs["release"] == first
    assert service.score().body == service.scorer.score_json(request)

    service.apply(canary_version=newest, canary_weight=SHARE)

    answers = Counter(service.score().body for _ in range(ASKED))
    bodies = {name: scorer.score_json(request) for name, scorer in (("old", service.scorer), ("new", other))}
    assert set(answers) == set(bodies.values())
    deviation = (ASKED * SHARE * (1 - SHARE)) ** 0.5
    assert abs(answers[bodies["new"]] - ASKED * SHARE) < FAR * deviation
    print(f"\ncanary: {answers[bodies['new']]} of {ASKED} at weight {SHARE}")
