"""template.toml: read strictly, with every fault at once."""

import pytest
from deployment.search import find_template
from deployment.template import Package, Template
from scoring.problem import Problem

WHOLE = """
name      = "aws-lambda-scorer"
target    = "AWS Lambda behind API Gateway"
core      = ">=0.1,<0.2"
interface = "http"
auth      = "api-key"
emulators = ["moto", "localstack"]
rollback  = "release"
handler   = "aws_lambda_scorer.handler.handle"
runtime   = "python3.11"

[package]
builder   = "aws_lambda_scorer.package"
makes     = ["build/function.zip"]
vendor    = ["scoring-core"]
platforms = ["x86_64", "aarch64"]

[budget]
package_mb = 3
"""


@pytest.fixture
def write(tmp_path):
    def call(text):
        (tmp_path / "template.toml").write_text(text)
        return tmp_path

    return call


def test_a_whole_file_is_read(write):
    folder = write(WHOLE)

    template = Template.read(folder)

    assert template.name == "aws-lambda-scorer"
    assert template.recipe == folder / "terraform"
    assert template.package == Package(
        "aws_lambda_scorer.package", ("build/function.zip",), ("scoring-core",), ("x86_64", "aarch64")
    )
    assert template.budget == {"package_mb": 3}


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("rollback ", "rolback ", "rolback", "Did you mean 'rollback'?"),
        ('"http"', '"htp"', "interface", "Did you mean 'http'?"),
        ('"api-key"', '"basic"', "auth", "expected one of api-key, iam, none"),
        ('">=0.1,<0.2"', '"~=0.1"', "core", "expected versions such as"),
        ('"aws-lambda-scorer"', '"AWS Lambda"', "name", "lower-case words with hyphens"),
        ('["moto", "localstack"]', '"moto"', "emulators", "a list of texts"),
        ('"python3.11"', '"nodejs22"', "runtime", "such as"),
        ('["build/function.zip"]', '["../function.zip"]', "package.makes", "leaves the template's directory"),
        ('["x86_64", "aarch64"]', '["arm64"]', "package.platforms", "not one of x86_64, aarch64"),
        ("builder  ", "bulder  ", "package.bulder", "Did you mean 'builder'?"),
        ("package_mb = 3", "package_mb = -3", "budget.package_mb", "a number above 0"),
        ("package_mb = 3", "pakage_mb = 3", "budget.pakage_mb", "Did you mean 'package_mb'?"),
        ("package_mb = 3", "package_mb = true", "budget.package_mb", "a number above 0"),
        ('target    = "AWS Lambda behind API Gateway"', "", "target", "missing"),
    ],
)
def test_a_fault_is_named_with_its_place(write, old, new, field, words):
    assert old in WHOLE

    with pytest.raises(Problem) as fault:
        Template.read(write(WHOLE.replace(old, new)))

    assert fault.value.code == "template_invalid"
    found = {error["field"]: f"{error['detail']} {error['hint']}" for error in fault.value.errors}
    assert words in found[field]


def test_all_faults_are_told_at_once(write):
    with pytest.raises(Problem) as fault:
        Template.read(write('name = 3\ncolour = "red"\n'))

    fields = [error["field"] for error in fault.value.errors]
    assert fields[:1] == ["colour"]
    assert {"target", "core", "interface", "auth", "emulators", "rollback", "name"} <= set(fields)
    assert "has 8 faults" in fault.value.detail


def test_a_file_that_is_no_toml_is_told_with_its_line(write):
    with pytest.raises(Problem, match="line 2"):
        Template.read(write('name = "x"\ntarget = \n'))


def test_a_directory_without_the_file_is_no_template(tmp_path):
    with pytest.raises(Problem) as fault:
        Template.read(tmp_path)

    assert fault.value.code == "template_not_found"


@pytest.mark.parametrize(
    ("core", "version", "accepted"),
    [
        (">=0.1,<0.2", "0.1.0", True),
        (">=0.1,<0.2", "0.2", False),
        ("==0.1.3", "0.1.3", True),
        (">0.1.3", "0.1.3", False),
    ],
)
def test_versions_of_the_core(write, core, version, accepted):
    template = Template.read(write(WHOLE.replace(">=0.1,<0.2", core)))

    assert template.accepts_core(version) is accepted


def test_templates_are_found_by_name_and_by_directory(tmp_path):
    folder = tmp_path / "aws-lambda-scorer"
    inner = folder / "src" / "deep"
    inner.mkdir(parents=True)
    (folder / "template.toml").write_text(WHOLE)

    for word, start in (
        ("aws-lambda-scorer", tmp_path),
        (".", folder),
        ("aws-lambda-scorer", inner),
        (str(folder), inner),
    ):
        assert find_template(word, start).folder == folder
    with pytest.raises(Problem) as fault:
        find_template("aws-lamda-scorer", tmp_path)
    assert fault.value.hint == "Did you mean 'aws-lambda-scorer'?"
    with pytest.raises(Problem, match="is no template"):
        find_template(str(inner), tmp_path)
