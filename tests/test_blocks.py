"""Every block of shell in every document is run by a test, or the line before it says why not.

`sh` marks what is run, all of it and in order; `console` marks what is only shown. A new document with blocks
to run is named below beside the test that runs it, and that test reads the blocks out of the document.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ELSEWHERE = {".venv", ".uv", "build", "dist", ".pytest_cache", "node_modules"}
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.rglob("*.md")
    if not ELSEWHERE & set(path.relative_to(ROOT).parts)
)
RUN_BY = {
    "README.md": "tests/test_fresh_copy.py",
    "CONTRIBUTING.md": "tests/contract/test_six_steps.py",
    "aws-lambda-scorer/README.md": "tests/integration/emulated/test_readme_blocks.py",
    "aws-sagemaker-scorer/README.md": "tests/integration/emulated/test_readme_blocks.py",
    "gcp-cloud-run-scorer/README.md": "tests/integration/emulated/test_readme_blocks.py",
    "local-rest-scorer/README.md": "tests/integration/local/test_local_words.py",
    "sql-scorer/README.md": "tests/integration/sql/test_recipe_cycle.py",
    "templates/skeleton/README.md": "tests/integration/local/test_skeleton_recipe.py",
    "docs/tutorial.md": "tests/integration/local/test_document_deployments.py",
    "docs/deployments.md": "tests/integration/local/test_document_deployments.py",
    "docs/sql-beside.md": "tests/test_document_commands.py",
    "docs/sql-compiled.md": "tests/test_document_commands.py",
    "common/cli/README.md": "tests/test_document_commands.py",
}
FENCE = re.compile(r"^[ >]*(`{3,}|~{3,})[ ]*(.*?)[ ]*$")
REASON = re.compile(r"<!-- not run: \S.* -->")
OTHER_SHELLS = {"bash", "shell", "zsh", "shell-session", "sh-session", "terminal", "powershell"}
COMMAND = re.compile(
    r"^\s*([$%>] \S|(scoring|make|terraform|uv|pip|docker|podman|curl|python3?|psql|aws|gcloud) (?!->)\S)"
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language, the line before it, and its lines."""

    line: int
    language: str
    before: str
    lines: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    found, begun, mark, language = [], 0, "", ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if fence and not mark:
            begun, mark, language = number, fence[1], fence[2]
        elif fence and fence[1].startswith(mark) and not fence[2]:
            before = lines[begun - 2].strip() if begun > 1 else ""
            inside = tuple(lines[begun : number - 1])
            found.append(Block(begun, language.split(" ")[0], before, inside))
            mark = ""
    assert not mark, f"the block that begins in line {begun} does not end"
    return found


def complaints(text: str) -> list[str]:
    """What is wrong with the blocks of a document, beside what only the tests can say."""
    found = []
    for block in blocks(text):
        where = f"line {block.line}"
        if not block.language:
            found.append(f"{where}: say what the block is: sh, console, text or a language")
        elif block.language in OTHER_SHELLS:
            found.append(f"{where}: write sh if a test runs it, else console, not {block.language}")
        elif block.language == "console" and not REASON.fullmatch(block.before):
            found.append(f"{where}: the line before it says not why it is not run: <!-- not run: ... -->")
        elif block.language == "text" and any(COMMAND.match(line) for line in block.lines):
            found.append(f"{where}: commands, so sh or console")
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_block_is_run_or_says_why_not(document: str) -> None:
    text = (ROOT / document).read_text()

    assert complaints(text) == []
    if any(block.language == "sh" for block in blocks(text)):
        assert document in RUN_BY, "which test runs its blocks? Name it in RUN_BY, or mark them console"


@pytest.mark.parametrize(("document", "test"), RUN_BY.items(), ids=list(RUN_BY))
def test_the_test_that_runs_the_blocks_reads_them(document: str, test: str) -> None:
    source = (ROOT / test).read_text()
    fixtures = (ROOT / test).with_name("conftest.py")
    folder = str(Path(document).parent)

    assert any(block.language == "sh" for block in blocks((ROOT / document).read_text())), "nothing to run"
    assert "```sh" in source, "the test reads no blocks"
    assert Path(document).name in source
    known = source + (fixtures.read_text() if fixtures.exists() else "")
    assert folder == "." or document in known or Path(folder).name in known


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("```\nmake x\n```\n", "say what"),
        ("a\n```bash\nmake x\n```\n", "not bash"),
        ("a\n```console\n$ make x\n```\n", "says not why"),
        ("<!-- not run: -->\n```console\n$ make x\n```\n", "says not why"),
        ("<!-- not run: dear -->\n\n```console\n$ make x\n```\n", "says not why"),
        ("* a\n\n  ```text\n  scoring x\n  ```\n", "commands"),
        ("~~~\n```sh\n```\n~~~\n", "line 1: say what"),
    ],
)
def test_what_breaks_the_rule_is_found(text: str, part: str) -> None:
    (found,) = complaints(text)

    assert part in found


def test_what_keeps_the_rule_is_let_pass() -> None:
    shell = "```sh\nmake\n```\n<!-- not run: dear -->\n```console\n$ x\n```\n"
    drawings = "```text\na -> b\n```\n````text\n```\n````\n"

    assert complaints(shell + drawings) == []
