"""The Cloud Run API's messages, asked from here: they live in an environment of their own."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standin.cache import python_with

CLOUD_RUN = (
    "google-cloud-run==0.16.2",
    "certifi==2026.10.18",
    "cffi==2.1.1",
    "charset-normalizer==3.5.2",
    "cryptography==50.0.2",
    "google-api-core==2.44.0",
    "google-auth==2.62.2",
    "googleapis-common-protos==1.76.0",
    "grpc-google-iam-v1==0.14.6",
    "grpcio==1.85.1",
    "grpcio-status==1.85.1",
    "idna==3.20",
    "opentelemetry-api==1.45.2",
    "proto-plus==1.29.0",
    "protobuf==7.36.2",
    "pyasn1==0.6.5",
    "pyasn1-modules==0.4.2",
    "pycparser==3.12",
    "requests==2.34.2",
    "typing-extensions==4.16.0",
    "urllib3==2.8.0",
)

Answer = dict[str, Any]


@contextmanager
def reader() -> Iterator[Callable[[Path], Answer]]:
    """Start the process that reads plans; yields a function of a plan's JSON file.

    It gives {"services": [...]}, each the message as JSON, or {"error": what the API would not take}.
    """
    words = [str(python_with(CLOUD_RUN)), "-W", "ignore", "-m", "standin.message"]
    with subprocess.Popen(
        words, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def read(plan: Path) -> Answer:
            asked.write(f"{plan}\n")
            asked.flush()
            answer: Answer = json.loads(told.readline())
            return answer

        try:
            yield read
        finally:
            asked.close()
