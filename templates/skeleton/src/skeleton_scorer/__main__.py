"""The command `python -m skeleton_scorer`: serve an artifact, here or in the background.

python -m skeleton_scorer run PIPELINE    in the foreground, until SIGTERM or Ctrl-C
python -m skeleton_scorer start FOLDER    in the background: what the recipe has put into FOLDER
python -m skeleton_scorer stop FOLDER     end that one
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scoring.problem import Problem

from skeleton_scorer import background
from skeleton_scorer.service import serve

USAGE = "Usage: python -m skeleton_scorer run PIPELINE | start FOLDER | stop FOLDER"


def main(words: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 well, 1 a problem, 2 a wrong command line."""
    if len(words) != 2 or words[0] not in ("run", "start", "stop"):
        print(USAGE, file=sys.stderr)
        return 2
    command, path = words[0], Path(words[1])
    try:
        if command == "run":
            return serve(path, os.environ)
        if command == "start":
            background.start(path, os.environ)
        else:
            background.stop(path)
    except (Problem, ValueError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
