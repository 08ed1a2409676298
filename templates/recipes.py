"""Check the recipes: Terraform's own format, and `terraform validate` where their providers are at hand.

    python templates/recipes.py [TEMPLATE...]

takes all templates of the checkout when it is told none. Nothing is downloaded: providers are looked for
where Terraform keeps them, in $TF_PLUGIN_CACHE_DIR, in mirrors, and in what `terraform init` left behind.
What is not checked is said; the exit code is 1 when a recipe is wrong.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOST = "registry.terraform.io"
SOURCE = re.compile(r'^\s*source\s*=\s*"([\w-]+/[\w-]+)"', re.MULTILINE)
NAMED = re.compile(r'^\s*(?:path|plugin_cache_dir)\s*=\s*"([^"]+)"', re.MULTILINE)
MADE = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")


def templates() -> list[Path]:
    """Return the directories of all templates, as they are found by their manifests."""
    found = [*ROOT.glob("*/template.toml"), *ROOT.glob("templates/*/template.toml")]
    return sorted(path.parent for path in found)


def places(recipe: Path) -> Iterator[Path]:
    """Give the folders in which HOST/NAMESPACE/TYPE of a provider may lie."""
    home, share = Path.home(), Path("terraform") / "plugins"
    configuration = Path(os.environ.get("TF_CLI_CONFIG_FILE") or home / ".terraformrc")
    named = NAMED.findall(configuration.read_text("utf-8")) if configuration.is_file() else []
    cache = os.environ.get("TF_PLUGIN_CACHE_DIR")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield from (Path(os.path.expandvars(name)) for name in ([cache] if cache else []) + named)
    yield from (home / ".terraform.d" / "plugin-cache", home / ".terraform.d" / "plugins", data / share)
    yield from (Path("/usr/local/share") / share, Path("/usr/share") / share)
    yield recipe / ".terraform" / "providers"


def format_faults(folders: list[Path]) -> str:
    """Return what Terraform would write in another way, as a difference."""
    command = ["terraform", "fmt", "-check", "-diff", "-recursive", *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    return "" if done.returncode == 0 else done.stdout + done.stderr


def validity_faults(recipe: Path) -> str | None:
    """Return what is wrong with a recipe, "" if nothing is, None where a provider of it is not at hand."""
    wanted = set(SOURCE.findall((recipe / "versions.tf").read_text("utf-8")))
    here = [place.absolute() for place in dict.fromkeys(places(recipe)) if (place / HOST).is_dir()]
    if not all(any((place / HOST / name).is_dir() for place in here) for name in wanted):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(recipe, Path(scratch) / "terraform", ignore=MADE))
        start = ["init", "-backend=false", "-input=false", "-no-color"]
        for words in ([*start, *(f"-plugin-dir={place}" for place in here)], ["validate", "-no-color"]):
            command = ["terraform", f"-chdir={copy}", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
            if done.returncode:
                return (done.stdout + done.stderr).replace(scratch, str(recipe.parent))
    return ""


def environment() -> dict[str, str]:
    """Return the environment for Terraform, without settings that would send it to the network."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TF_")}
    return {**kept, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}


def main() -> int:
    """Check the templates that were named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("template", nargs="*", type=Path, help="directories of templates; all if none")
    recipes = [folder / "terraform" for folder in parser.parse_args().template or templates()]
    for recipe in recipes:
        if not (recipe / "versions.tf").is_file():
            parser.error(f"{recipe.parent} has no recipe: there is no {recipe / 'versions.tf'}")
    if shutil.which("terraform") is None:
        print("terraform is not installed: the recipes are not checked.", file=sys.stderr)
        return 0
    faults = [format_faults(recipes)]
    for recipe in recipes:
        found = validity_faults(recipe)
        faults.append(found or "")
        if found is None:
            print(f"{recipe.parent.name}: a provider is not at hand, so its recipe is not validated.")
    told = "\n".join(filter(None, faults))
    if told:
        print(told.rstrip(), "Run `terraform fmt -recursive` for the format.", sep="\n", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
