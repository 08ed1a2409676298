"""Keep the table of settings in a template's README equal to the variables of its recipe.

    python templates/settings.py [--check] TEMPLATE...

writes the table between the markers `<!-- settings -->` and `<!-- /settings -->`; with --check it only says,
by its exit code, whether something would change. Needs python-hcl2.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import hcl2

MARKERS = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def variables(template: Path) -> dict[str, dict[str, Any]]:
    """Return the recipe's variables, by name, in their order."""
    with (template / "terraform" / "variables.tf").open() as file:
        blocks = hcl2.load(file)["variable"]
    return {
        plain(name): body for block in blocks for name, body in block.items() if not name.startswith("__")
    }


def plain(value: Any) -> Any:
    """Return a value without the quotes and the ${} that the parser leaves on it."""
    if isinstance(value, str):
        value = value.removeprefix("${").removesuffix("}")
        if len(value) > 1 and value[0] == value[-1] == '"':
            return value[1:-1].replace('\\"', '"')
    return value


def table(template: Path) -> str:
    """Return the table in Markdown."""
    lines = ["| variable | type | default | what it is |", "|---|---|---|---|"]
    for name, body in variables(template).items():
        kind = plain(body.get("type", "any"))
        kind = "object" if kind.startswith("object") else kind
        default = f"`{_default(body['default'])}`" if "default" in body else "must be given"
        lines.append(f"| `{name}` | {kind} | {default} | {_sentence(plain(body.get('description', '')))} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    value = plain(value)
    if isinstance(value, str):
        return f'"{value}"' if value != "null" else "null"
    if isinstance(value, list):
        return json.dumps([plain(item) for item in value])
    return json.dumps(value)


def _sentence(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the table of settings of a template's README.")
    parser.add_argument("templates", nargs="+", type=Path, metavar="TEMPLATE")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a table is stale")
    given = parser.parse_args()
    stale = False
    for template in given.templates:
        readme = template / "README.md"
        text = readme.read_text()
        if MARKERS.search(text) is None:
            print(f"{readme} has no <!-- settings --> and <!-- /settings --> markers.", file=sys.stderr)
            return 1
        fresh = MARKERS.sub(table(template).replace("\\", r"\\"), text)
        if fresh != text and given.check:
            print(f"{readme} is stale: run `make tables`.", file=sys.stderr)
            stale = True
        elif fresh != text:
            readme.write_text(fresh)
    return int(stale)


if __name__ == "__main__":
    raise SystemExit(main())
