"""The package: reproducible, small, for the processor that was asked for, and proved by itself."""

import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_scorer.package import package
from scoring.problem import Problem


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Path:
    """A copy of the template whose `vendor/` has the core's wheels, as `make package` puts them there."""
    folder = tmp_path_factory.mktemp("copy") / "aws-lambda-scorer"
    shutil.copytree(
        template, folder, ignore=shutil.ignore_patterns("build", "__pycache__", "terraform", "tests")
    )
    if not list((folder / "vendor").glob("*.whl")):
        deployment = pytest.importorskip(
            "deployment.vendor", reason="vendor/ is empty, and nothing here fills it"
        )
        from deployment.template import Template

        deployment.vendor(Template.read(folder), lambda _: None)
    return folder


def test_the_same_inputs_give_the_same_bytes(copy: Path, capsys: Any) -> None:
    (first,) = package(copy, {"arch": "x86_64"})
    data = first.read_bytes()
    for path in (copy / "src").rglob("*.py"):
        os.utime(path, (1, 1))
    mask = os.umask(0o077)
    try:
        (second,) = package(copy, {"arch": "x86_64"})
    finally:
        os.umask(mask)
    assert second.read_bytes() == data
    assert "scores the example as here" in capsys.readouterr().out


@pytest.mark.parametrize("arch", ["arm64", "x86_64"])
def test_it_holds_what_is_needed_and_nothing_heavy(copy: Path, arch: str) -> None:
    (archive,) = package(copy, {"arch": arch})
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        names = [member.filename for member in members]
        engine = next(name for name in names if name.startswith("scoring/_engine"))
        machine = int.from_bytes(opened.read(engine)[18:20], "little")  # e_machine of ELF
    assert names == sorted(names)
    assert {name.partition("/")[0] for name in names} == {"aws_lambda_scorer", "scoring"}
    assert machine == {"arm64": 183, "x86_64": 62}[arch]
    assert archive.stat().st_size < 3_000_000
    assert sum(member.file_size for member in members) < 40_000_000
    version = f"{sys.version_info[0]}{sys.version_info[1]}"
    sources = [name for name in names if name.endswith(".py")]
    for name in sources:
        folder, _, stem = name.removesuffix(".py").rpartition("/")
        assert f"{folder}/__pycache__/{stem}.cpython-{version}.pyc" in names
    for member in members:
        assert member.date_time == (1980, 1, 1, 0, 0, 0)
        assert member.external_attr >> 16 == (0o100755 if member.filename == engine else 0o100644)
    assert not {"scoring/packing.py", "aws_lambda_scorer/package.py"} & set(names)


@pytest.mark.parametrize(("options", "code"), [
    ({"arch": "riscv64"}, "option_invalid"), ({"archh": "arm64"}, "option_invalid"),
    ({"numpy": "maybe"}, "option_invalid"), ({"python": "3.2"}, "python_missing"),
])  # fmt: skip
def test_wrong_options_are_problems(copy: Path, options: Any, code: str) -> None:
    with pytest.raises(Problem) as caught:
        package(copy, options)
    assert caught.value.code == code


def test_without_wheels_it_says_what_to_do(template: Path, tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    shutil.copyfile(template / "template.toml", tmp_path / "template.toml")
    with pytest.raises(Problem) as caught:
        package(tmp_path, {})
    assert caught.value.code == "vendor_missing"
    assert "make package" in caught.value.hint


def test_a_package_that_scores_otherwise_is_refused(copy: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(copy, broken)
    routes = broken / "src" / "aws_lambda_scorer" / "routes.py"
    routes.write_text(
        routes.read_text().replace("return Answer(200, JSON, reply.body)", 'return Answer(200, JSON, b"{}")')
    )
    with pytest.raises(Problem, match="not with the score here"):
        package(broken, {"arch": os.uname().machine})


def test_a_heavy_import_is_refused(copy: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(copy, broken)
    handler = broken / "src" / "aws_lambda_scorer" / "handler.py"
    handler.write_text(handler.read_text().replace("import json\n", "import asyncio\nimport json\n", 1))
    with pytest.raises(Problem, match="asyncio"):
        package(broken, {"arch": os.uname().machine})


def test_the_definition_is_the_servers(template: Path) -> None:
    server = pytest.importorskip("server", reason="the REST server is not installed: nothing to compare with")
    published = Path(server.__file__).with_name("openapi.json")
    assert (template / "src" / "aws_lambda_scorer" / "openapi.json").read_bytes() == published.read_bytes()
