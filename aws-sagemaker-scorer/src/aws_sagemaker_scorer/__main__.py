"""The command `python -m aws_sagemaker_scorer`: serve, on SageMaker or on a host of one's own.

python -m aws_sagemaker_scorer serve           what SageMaker has put below /opt/ml, as in the container
python -m aws_sagemaker_scorer run PIPELINE    that artifact, for this host
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scoring.problem import Problem

from aws_sagemaker_scorer.service import serve

USAGE = "Usage: python -m aws_sagemaker_scorer serve | run PIPELINE"


def main(words: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 well, 1 a problem, 2 a wrong command line."""
    known = (list(words) == ["serve"], len(words) == 2 and words[0] == "run")
    if not any(known):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return serve(Path(words[1]) if known[1] else None, os.environ)
    except (Problem, ValueError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
