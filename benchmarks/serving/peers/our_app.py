"""Our app for other ASGI servers: ARTIFACT, KEYS and LOG are files."""

import os
from pathlib import Path

import server

app = server.make_app(
    server.Settings(
        Path(os.environ["ARTIFACT"]),
        workers=1,
        keys=Path(os.environ["KEYS"]),
        access_log=Path(os.environ["LOG"]),
    )
)
