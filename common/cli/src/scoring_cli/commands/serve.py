"""`scoring serve`: answer requests over HTTP with an artifact."""

from pathlib import Path
from typing import Annotated

import typer

SUMMARY = "Serve an artifact over HTTP."

EXAMPLES = """Examples:

\b
  scoring serve cooler.pipeline --port 9090
  scoring serve cooler.pipeline --host 0.0.0.0 --api-keys keys --tls-cert cert.pem --tls-key key.pem

`scoring keys NAME >> keys` makes an API key and adds its digest to the file. A new artifact at the
path is tested and swapped in without losing a request; a bad one changes nothing."""


def command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="The artifact, *.pipeline.")],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one for each processor.")] = 0,
    api_keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Digests of the API keys that may score.")
    ] = None,
    admin_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Digests of the keys that may swap the artifact.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Authority of the clients' certificates, PEM.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Files that GET /model/score?file= may name.")
    ] = None,
    access_log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the log instead of stderr.")
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Fields that a request lacks are missing values.")
    ] = False,
) -> None:
    """Serve an artifact over HTTP until SIGTERM or Ctrl-C.

    Requests and answers are those of docs/contract.md. Limits are set with the environment variables named
    there. Ends with 0 after requests at work are answered.
    """
    from server.__main__ import start

    code = start(
        pipeline,
        api_keys,
        admin_key_file,
        lenient,
        host=host,
        port=port,
        workers=workers,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        data_dir=data_dir,
        access_log=access_log,
    )
    if code:
        raise typer.Exit(code)
