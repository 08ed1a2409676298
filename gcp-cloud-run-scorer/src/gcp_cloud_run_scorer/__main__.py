"""The command `python -m gcp_cloud_run_scorer`: serve, on Cloud Run or on a host of one's own.

python -m gcp_cloud_run_scorer                 what the environment says, as in the container
python -m gcp_cloud_run_scorer run ARTIFACT    that artifact
"""

import os
import sys
from collections.abc import Sequence

from scoring.problem import Problem

from gcp_cloud_run_scorer.log import severe
from gcp_cloud_run_scorer.service import serve

USAGE = "Usage: python -m gcp_cloud_run_scorer [run ARTIFACT]"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 well, 1 a problem, 2 a wrong command line."""
    if arguments and (len(arguments) != 2 or arguments[0] != "run"):
        print(USAGE, file=sys.stderr)
        return 2
    environ = dict(os.environ)
    os.environ.pop("API_KEY", None)  # no process that is started from here needs it
    if arguments:
        environ |= {"PIPELINE_PATH": arguments[1], "PIPELINE_URI": "", "PIPELINE_DIGEST": ""}
    try:
        return serve(environ)
    except (Problem, ValueError) as problem:
        print(severe(environ, str(problem)), file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
