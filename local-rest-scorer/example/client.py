"""Score the rows of a CSV file.

    URL=http://127.0.0.1:9090 API_KEY=... python client.py rows.csv

Needs nothing but Python. Prints CSV: the rows' scores, in order.
"""

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path


def score(url: str, key: str, rows: bytes) -> bytes:
    """Send CSV with a header line; return CSV with a column for each output.

    Raises:
        urllib.error.HTTPError: the request was refused; its body says why.
    """
    headers = {"content-type": "text/csv", "x-api-key": key}
    request = urllib.request.Request(f"{url}/model/score", rows, headers)  # noqa: S310 -- the caller's own
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    try:
        rows = Path(sys.argv[1]).read_bytes()
        sys.stdout.buffer.write(score(os.environ["URL"], os.environ.get("API_KEY", ""), rows))
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{refusal.code}: {refusal.read().decode()}")
