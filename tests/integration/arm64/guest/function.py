"""Run by the other processor: events in, what the function answers out.

function.py EVENTS ANSWERS    # both JSON lists
"""

import json
import sys
from pathlib import Path

from aws_lambda_scorer.handler import handle


class Context:
    """What Lambda hands over beside the event."""

    aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    function_name = "scorer"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return the milliseconds left."""
        return 30_000


events = json.loads(Path(sys.argv[1]).read_text())
Path(sys.argv[2]).write_text(json.dumps([handle(event, Context) for event in events]))
sys.stderr.write(json.dumps(sorted(sys.modules)))
