"""Variables of a recipe: found in HCL, and settings typed as they ask."""

import pytest
from deployment.recipe import Recipe
from scoring.problem import Problem

VARIABLES = """
# variable "commented" { type = string }
/* variable "also_commented" {} */
variable "alarm_email" {
  description = "Says \\"hello\\" with a brace { and ${"a } nested" } text. type = number"
  type        = string
  default     = null
  validation {
    condition     = var.alarm_email == null || can(regex("@", var.alarm_email))
    error_message = "variable \\"no\\" { type = bool }"
    default       = 3
  }
}

variable "api_token" { type = string }

variable "burst" {
  type = number # a comment
}

variable "layers" {
  description = <<-EOT
    variable "in_heredoc" {
      type = bool
    }
  EOT
  type    = list(string)
  default = []
}
variable "pipeline_path" { type = string }
variable "secret_place" {
  type      = string
  sensitive = true
}
variable "settings" {
  type = object({
    retries = optional(number, 3)
    tags    = map(string)
  })
}
variable "tags" {
  type = map(string)
}
variable "tracing" { type = bool }
variable "whatever" {}
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "variables.tf").write_text(VARIABLES)
    return Recipe.read(tmp_path)


def test_variables_are_found_with_their_types(recipe):
    assert {name: variable.type for name, variable in recipe.variables.items()} == {
        "alarm_email": "string",
        "api_token": "string",
        "burst": "number # a comment",
        "layers": "list(string)",
        "pipeline_path": "string",
        "secret_place": "string",
        "settings": "object({ retries = optional(number, 3) tags = map(string) })",
        "tags": "map(string)",
        "tracing": "bool",
        "whatever": "any",
    }
    assert recipe.variables["secret_place"].sensitive
    assert recipe.variables["burst"].needed
    assert not recipe.variables["layers"].needed
    assert recipe.backend is None


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("alarm_email=a=b@c", "a=b@c"),
        ("alarm_email=3", "3"),
        ("alarm_email=", ""),
        ("burst=3", 3),
        ("burst=2.5", 2.5),
        ("burst=null", None),
        ("tracing=true", True),
        ('layers=["a","b"]', ["a", "b"]),
        ('tags={"a": "b"}', {"a": "b"}),
        ('settings={"tags": {}}', {"tags": {}}),
        ("whatever=text", "text"),
        ("whatever=3", 3),
    ],
)
def test_settings_are_typed(recipe, setting, value):
    assert recipe.values([setting]) == {setting.partition("=")[0]: value}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("burst=many", "burst is a number"),
        ("burst=true", "burst is a number"),
        ("tracing=yes", "tracing is a bool; 'yes' is none"),
        ("tracing=1", "tracing is a bool"),
        ("layers=a,b", '--var \'layers=["one", "two"]\''),
        ('tags=["a"]', '--var \'tags={"team": "pumps"}\''),
        ("tracng=true", "Did you mean 'tracing'?"),
        ("zzz=1", "It has alarm_email, api_token"),
        ("tracing", "Write name=value"),
        ("pipeline_path=x", "set by the command itself"),
        ("api_token=x", "name that with --var-file"),
        ("secret_place=x", "name that with --var-file"),
    ],
)
def test_wrong_settings_are_explained(recipe, setting, words):
    with pytest.raises(Problem) as fault:
        recipe.values([setting])

    assert words in str(fault.value)


def test_every_wrong_setting_is_told(recipe):
    with pytest.raises(Problem) as fault:
        recipe.values(["burst=x", "tracing=true", "tracng=true"])

    assert [error["field"] for error in fault.value.errors] == ["burst", "tracng"]


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ('terraform {\n  backend "s3" {}\n}', "s3"),
        ('terraform { cloud { organization = "x" } }', "cloud"),
        ('# backend "s3" {}\nlocals { text = "backend \\"gcs\\" {" }', None),
    ],
)
def test_the_backend_is_found(tmp_path, text, backend):
    (tmp_path / "backend.tf").write_text(text)

    assert Recipe.read(tmp_path).backend == backend


def test_a_folder_without_a_recipe_is_told(tmp_path):
    with pytest.raises(Problem, match="holds no recipe"):
        Recipe.read(tmp_path)
