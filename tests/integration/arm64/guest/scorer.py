"""Run by the other processor: bodies of requests in, bodies of answers out.

scorer.py ARTIFACT REQUESTS ANSWERS    # both JSON lists of texts; a problem is answered as it is sent
"""

import json
import sys
from pathlib import Path

import scoring
from scoring import contract


def answer(scorer: scoring.Scorer, route: str, body: str) -> str:
    """Answer one request as every deployment does."""
    try:
        if route == "score":
            return scorer.score_json(body.encode()).decode()
        return contract.contribution(scorer, body.encode()).decode()
    except scoring.Problem as problem:
        return contract.problem_body(problem)[1].decode()


loaded = scoring.load(sys.argv[1])
requests = json.loads(Path(sys.argv[2]).read_text())
answers = [answer(loaded, route, body) for route, body in requests]
Path(sys.argv[3]).write_text(json.dumps(answers))
