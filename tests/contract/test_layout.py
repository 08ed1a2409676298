"""Promise: all templates are laid out alike, and one knows all after having seen one."""

import re
from pathlib import Path

from deployment.template import Template

FILES = (
    "README.md", "template.toml", "pyproject.toml", "Makefile",
    "example/cooler.pipeline", "vendor/.gitkeep",
    "terraform/versions.tf", "terraform/variables.tf", "terraform/main.tf", "terraform/outputs.tf",
    "terraform/terraform.tfvars.example", "terraform/backend.tf.example",
)  # fmt: skip
WORDS = ["run", "package", "deploy", "smoke", "logs", "rollback", "destroy", "test"]


def test_every_template_has_the_same_files(template: Path) -> None:
    assert [name for name in FILES if not (template / name).is_file()] == []
    assert list((template / "terraform" / "tests").glob("*.tftest.hcl")), "the recipe has no tests of its own"
    assert list((template / "tests").glob("test_*.py")), "the template has no tests of its own"


def test_the_package_is_named_as_the_directory(template: Path) -> None:
    package = template / "src" / Template.read(template).name.replace("-", "_")

    assert (package / "__init__.py").is_file()
    assert [path.name for path in package.parent.iterdir() if path.suffix != ".egg-info"] == [package.name]


def test_every_makefile_has_the_same_words_in_the_same_order(template: Path) -> None:
    words = re.findall(r"^([a-z]+):.*## ", (template / "Makefile").read_text(), re.MULTILINE)

    assert [word for word in words if word != "help"] == WORDS


def test_the_manifest_is_valid_and_names_its_directory(template: Path) -> None:
    # The skeleton's directory is called what it is, and its package as those that are born from it.
    assert Template.read(template).name in (template.name, f"{template.name}-scorer")


def test_nothing_leads_out_of_the_directory(template: Path) -> None:
    outside = re.compile(r"(?<![\w.])(\.\./)+")
    listed = [path for path in template.rglob("*") if path.is_file() and _written_by_hand(path, template)]

    leaks = []
    for path in listed:
        for match in outside.finditer(path.read_text(errors="replace")):
            climbed = match[0].count("../")
            # `terraform -chdir=terraform` in a README climbs back to the template.
            if climbed > max(len(path.relative_to(template).parts) - 1, path.suffix == ".md"):
                leaks.append(f"{path.relative_to(template)}: {match[0]}")

    assert leaks == []


def _written_by_hand(path: Path, template: Path) -> bool:
    generated = {"build", "vendor", ".venv", ".uv", ".terraform", "__pycache__", ".pytest_cache"}
    inside = path.relative_to(template).parts
    return not generated & set(inside) and path.suffix in {
        ".py",
        ".tf",
        ".hcl",
        ".toml",
        ".md",
        ".yaml",
        ".sh",
        "",
    }
