"""The life of a deployment, with real Terraform and a real server."""

import json
import stat
from pathlib import Path

import pytest
import scoring
from deployment import inspection, outcome
from deployment.deploy import deploy
from deployment.destroy import destroy
from deployment.rollback import rollback
from scoring.problem import Problem


@pytest.fixture
def by_release(template):
    """Let the template roll back by its recipe's `release`."""
    path = template / "template.toml"
    path.write_text(path.read_text().replace('rollback  = "pipeline"', 'rollback  = "release"'))


def live(target):
    return scoring.load(target.live).name


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_deploying_packages_applies_tests_and_remembers(order, console, target, pipelines, digests, capsys):
    record = deploy(order(pipelines[0]), console)

    said = capsys.readouterr().err
    assert record.state == "ready"
    assert record.url == f"http://127.0.0.1:{target.port}"
    assert record.digest == digests[0]
    assert target.seen == ["/model/score"]
    for words in (
        "sound",
        "Packaging",
        "2 to create",
        "+ terraform_data.live",
        "2/2 created",
        "byte for byte",
    ):
        assert words in said
    assert [each["name"] for each in inspection.listing()] == ["demo"]
    told = "\n".join(outcome.deployed(record))
    for words in ("url  ", "--show-key", "curl", "scoring smoke demo", "scoring destroy demo"):
        assert words in told


def test_the_same_again_changes_nothing(order, console, target, pipelines, capsys):
    deploy(order(pipelines[0]), console)

    record = deploy(order(pipelines[0]), console)

    assert "Plan: nothing to do." in capsys.readouterr().err
    assert len(record.history) == 1
    assert len(target.seen) == 2  # it is tested all the same


def test_settings_are_remembered_and_can_be_changed(order, console, pipelines):
    first = deploy(order(pipelines[0], 'labels={"team": "pumps"}'), console)
    again = deploy(order(pipelines[1]), console)
    other = deploy(order(pipelines[1], 'labels={"team": "valves"}'), console)

    assert first.variables["labels"] == again.variables["labels"] == {"team": "pumps"}
    assert other.variables["labels"] == {"team": "valves"}


def test_rolling_back_a_pipeline_and_back_again(order, console, target, pipelines, digests, capsys):
    deploy(order(pipelines[0]), console)
    deploy(order(pipelines[1]), console)
    capsys.readouterr()

    record = rollback("demo", console)

    said = capsys.readouterr().err
    assert live(target) == "one"
    assert record.digest == digests[0]
    assert f"goes back to release {digests[0][:8]}, artifact {digests[0][:12]}" in said
    for words in ("1 to replace", "± terraform_data.live", "2/2 created terraform_data.live"):
        assert words in said
    assert rollback("demo", console).digest == digests[1]
    assert live(target) == "two"


def test_rolling_back_by_release_keeps_earlier_artifacts(
    by_release, order, console, target, pipelines, digests
):
    for pipeline in pipelines:
        deploy(order(pipeline), console)

    record = rollback("demo", console)

    assert live(target) == "two"
    assert record.applied["release"] == digests[1][:8]
    assert Path(record.applied["pipeline_path"]).stem == digests[2]
    assert [Path(path).stem for path in record.applied["kept_pipeline_paths"]] == [digests[1], digests[0]]
    assert rollback("demo", console).history[-1].release == digests[2][:8]
    assert live(target) == "three"
    assert rollback("demo", console, to=digests[0][:8]).digest == digests[0]
    assert live(target) == "one"
    assert deploy(order(pipelines[1]), console).digest == digests[1]
    assert live(target) == "two"


def test_rolling_back_without_history_says_so(order, console, pipelines):
    deploy(order(pipelines[0]), console)

    with pytest.raises(Problem) as fault:
        rollback("demo", console)

    assert fault.value.code == "nothing_earlier"
    assert fault.value.hint == "Deploy another artifact first."
    with pytest.raises(Problem, match="no release 'abcdef12'"):
        rollback("demo", console, to="abcdef12")


def test_destroying_leaves_nothing_and_cannot_be_done_twice(order, console, pipelines, environment, capsys):
    record = deploy(order(pipelines[0]), console)
    recipe = Path(record.folder) / "terraform"

    destroy("demo", console)

    assert "2 resources were removed" in capsys.readouterr().err
    assert inspection.listing() == []
    assert not (Path(environment["SCORING_HOME"]) / "deployments" / "demo").exists()
    assert not list(recipe.glob("*.tfstate*"))
    with pytest.raises(Problem) as fault:
        destroy("demo", console)
    assert fault.value.code == "deployment_not_found"


def test_names_are_corrected(order, console, pipelines):
    deploy(order(pipelines[0]), console)

    for call in (destroy, rollback, inspection.check):
        with pytest.raises(Problem) as fault:
            call("dmeo", console)
        assert fault.value.hint == "Did you mean 'demo'?"


def test_a_failing_smoke_test_fails_the_deployment_and_can_be_undone(
    order, console, target, pipelines, digests
):
    deploy(order(pipelines[0]), console)
    target.answer = scoring.load(pipelines[0]).score_json(b'{"fields": ["a"], "rows": [["0.9"]]}')

    with pytest.raises(Problem) as fault:
        deploy(order(pipelines[0], "pause_s=0"), console)

    assert fault.value.code == "smoke_failed"
    assert "gives other scores than here" in fault.value.detail
    assert inspection.find("demo")["state"] == "failed"
    target.answer = None
    assert deploy(order(pipelines[0]), console).state == "ready"


def test_a_failing_apply_is_told_and_rolled_back(order, console, target, pipelines, digests, capsys):
    deploy(order(pipelines[0]), console)

    with pytest.raises(Problem) as fault:
        deploy(order(pipelines[1], "broken=true"), console)

    assert fault.value.code == "terraform_failed"
    assert "local-exec provisioner error" in fault.value.detail
    assert "\x1b" not in str(fault.value)
    found = inspection.find("demo")
    assert (found["state"], found["digest"], found["interrupted"]) == ("failed", digests[0], False)
    assert deploy(order(None, "broken=false"), console).digest == digests[1]  # goes on with what was tried
    assert live(target) == "two"
    assert "Going on from there." in capsys.readouterr().err


def test_secrets_are_in_no_file_but_the_state(order, console, target, pipelines, environment, capsys):
    deploy(order(pipelines[0], full=True), console)
    said = "".join(capsys.readouterr())
    home = Path(environment["SCORING_HOME"])

    assert inspection.api_key("demo") == target.key
    assert target.key not in said
    assert "(sensitive value)" in said
    for path in files(home):
        if ".tfstate" not in path.name:
            assert target.key.encode() not in path.read_bytes(), path
    for folder in (home, home / "deployments", home / "deployments" / "demo"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert target.key not in json.dumps(inspection.find("demo"))


def test_two_deployments_of_one_template_live_side_by_side(order, console, target, pipelines, tmp_path):
    from dataclasses import replace

    deploy(order(pipelines[0]), console)
    second = replace(order(pipelines[1], f"live={tmp_path / 'other'}"), name="second", test=False)

    deploy(second, console)

    assert live(target) == "one"
    assert [each["name"] for each in inspection.listing()] == ["demo", "second"]
    destroy("second", console)
    assert [each["name"] for each in inspection.listing()] == ["demo"]


def test_a_name_of_another_template_is_refused(order, console, template, pipelines):
    deploy(order(pipelines[0]), console)
    path = template / "template.toml"
    path.write_text(path.read_text().replace("tiny-scorer", "other-scorer"))

    with pytest.raises(Problem, match="made with the template tiny-scorer"):
        deploy(order(pipelines[0]), console)


def test_checking_and_logs(order, console, target, pipelines, capfd):
    deploy(order(pipelines[0]), console)

    inspection.check("demo", console)
    code = inspection.logs("demo")

    assert len(target.seen) == 2
    assert code == 0
    assert capfd.readouterr().out == "at work\n"


def test_nothing_is_left_of_a_deployment_that_never_began(order, console, pipelines, environment, template):
    (template / "terraform" / "more.tf").write_text('variable "needed" {}\n')

    with pytest.raises(Problem, match="needed"):
        deploy(order(pipelines[0]), console)

    assert inspection.listing() == []
    assert not (Path(environment["SCORING_HOME"]) / "deployments" / "demo").exists()


def test_a_template_that_moved_is_found_again(order, console, pipelines, template):
    from dataclasses import replace

    deploy(order(pipelines[0]), console)
    moved = template.rename(template.with_name("moved"))

    with pytest.raises(Problem) as fault:
        destroy("demo", console)

    assert fault.value.code == "template_gone"
    deploy(replace(order(None), template=str(moved)), console)
    destroy("demo", console)
    assert inspection.listing() == []
