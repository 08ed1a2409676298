"""Promise: a template's README has nine headings in one order, and its table of settings is the recipe's."""

import re
import subprocess
import sys
from pathlib import Path

HEADINGS = [
    "What you get", "Needs", "Deploy", "Score", "Your own model", "Settings", "Watch", "Undo", "How it works",
]  # fmt: skip


def test_the_headings_are_the_nine(template: Path) -> None:
    text = re.sub(r"```.*?```", "", (template / "README.md").read_text(), flags=re.DOTALL)

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


def test_the_table_of_settings_is_fresh(template: Path, root: Path) -> None:
    command = [sys.executable, str(root / "templates" / "settings.py"), "--check", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_block_that_is_not_run_says_why(template: Path) -> None:
    text = (template / "README.md").read_text()

    for match in re.finditer(r"^```(\w*)\n", text, re.MULTILINE):
        if match[1] in {"console", "shell", "bash"}:
            before = text[: match.start()].rstrip().splitlines()[-1]
            assert before.startswith("<!-- not run:"), (
                f"the block after {before!r} says not why it is not run"
            )
