"""A licence that is not allowed is refused by its distribution's name; nothing is allowed by accident."""

from pathlib import Path

import pytest
from release import licences, policy
from release.dependency import Dependencies, Dependency, resolve
from release.policy import Excuse, Policy
from release.project import workspace
from scoring.problem import Problem

ROOT = Path(__file__).parents[3]
RULES = Policy(frozenset({"MIT", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"}), {})


def dependency(name: str, licence: str) -> Dependency:
    return Dependency(name, "1.0", licence, "", ("scoring-part",), (), ())


def refused(rules: Policy, *dependencies: Dependency) -> list[tuple[str, str, str]]:
    with pytest.raises(Problem) as caught:
        rules.check(dependencies)
    assert caught.value.code == "licence_refused"
    return [(error["code"], error["field"], error["detail"]) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND Apache-2.0", True),
        ("MIT OR GPL-3.0-only", True),
        ("(GPL-3.0-only OR MIT) AND Apache-2.0", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("mit-like", False),
        ("MIT AND", False),
        ("see LICENSE.txt", False),
        ("LicenseRef-Proprietary", False),
    ],
)
def test_an_expression_is_met_or_not(expression: str, allowed: bool) -> None:
    assert RULES.allows(expression) is allowed


def test_copyleft_and_silence_are_refused_by_name() -> None:
    found = refused(
        RULES, dependency("good", "MIT"), dependency("left", "GPL-3.0-only"), dependency("mute", "")
    )

    assert found == [
        ("licence_refused", "left 1.0, which scoring-part needs", "GPL-3.0-only is not allowed."),
        ("licence_refused", "mute 1.0, which scoring-part needs", "It states no licence."),
    ]


def test_an_excuse_holds_for_one_licence_of_one_distribution() -> None:
    excused = Policy(frozenset({"MIT"}), {"left": Excuse("LGPL-3.0-only", "only imported")})

    excused.check([dependency("left", "LGPL-3.0-only")])

    assert [code for code, *_ in refused(excused, dependency("left", "GPL-3.0-only"))] == ["licence_refused"]
    assert [code for code, *_ in refused(excused, dependency("left", "MIT"))] == ["excuse_stale"]
    excused.check([dependency("right", "MIT")])


@pytest.mark.parametrize("table", ["", "[tool.release.licences]\nallowed = 3\n"])
def test_a_policy_that_cannot_be_read_is_told(tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table)
    with pytest.raises(Problem) as caught:
        policy.read(tmp_path)

    assert caught.value.code == "policy_invalid"


@pytest.fixture(scope="module")
def needed() -> Dependencies:
    return resolve([project for project in workspace(ROOT)[1:] if project.published])


def test_this_repository_keeps_its_policy(needed: Dependencies) -> None:
    policy.read(ROOT).check(needed.installed)

    known = {each.name: each for each in needed.installed}
    assert "scoring-core" in known["numpy"].needed_by
    assert known["pygments"].needed_by == ("scoring-cli", "scoring-deployment")  # through rich
    assert known["psycopg-binary"].needed_by == ("scoring-sql",)  # through an extra in brackets
    assert not set(known) & {"scoring-core", "pytest", "cyclonedx-python-lib"}


def test_the_page_of_licences_is_fresh(needed: Dependencies) -> None:
    assert licences.fresh(ROOT, needed, policy.read(ROOT)), "run `make tables` and look at what changed"
