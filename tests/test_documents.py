"""The documents keep their promises: the README's first screen is what it says, and `make` words exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ELSEWHERE = {".venv", ".uv", "build", "dist", ".pytest_cache", "node_modules"}
DOCUMENTS = sorted(
    path.relative_to(ROOT) for path in ROOT.rglob("*.md") if not ELSEWHERE & set(path.relative_to(ROOT).parts)
)


def test_the_first_screen_shows_the_two_commands_first() -> None:
    first_block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert first_block is not None
    commands = [line.split("#")[0].strip() for line in first_block[1].splitlines()]
    assert commands == ["make run", "make test"]


def test_every_make_word_in_the_documents_exists() -> None:
    words = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    templates_words = {"run", "package", "deploy", "smoke", "logs", "rollback", "destroy", "test"}

    for document in DOCUMENTS:
        for word in re.findall(r"`make ([a-z]+)", (ROOT / document).read_text()):
            assert word in words | templates_words, f"{document} speaks of `make {word}`"
