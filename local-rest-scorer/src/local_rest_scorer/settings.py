"""Settings: what the environment says about the server, whichever way it is started."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scoring.problem import Problem

PORT: Final = 9090
HOST: Final = "127.0.0.1"

_FILES: Final = {
    "API_KEYS_FILE": "api_keys",
    "ADMIN_KEYS_FILE": "admin_key_file",
    "TLS_CERT_FILE": "tls_cert",
    "TLS_KEY_FILE": "tls_key",
    "TLS_CLIENT_CA_FILE": "tls_client_ca",
    "DATA_DIR": "data_dir",
}
_OTHERS: Final = ("HOST", "PORT", "WORKERS", "MODEL_ID", "SHAPLEY_TYPES_ENABLED")
_PREFIX: Final = "SCORER_"


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are about the server and not empty, with paths made absolute.

    Raises:
        Problem: `setting_invalid`.
    """
    names = (*_OTHERS, *_FILES, *sorted(name for name in environ if name.startswith(_PREFIX)))
    found = {name: environ[name].strip() for name in names if environ.get(name, "").strip()}
    found = {
        name: str(Path(value).expanduser().absolute()) if name in _FILES else value
        for name, value in found.items()
    }
    options(found)
    return found


def options(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `server.__main__.start` takes; raises Problem `setting_invalid`."""
    found: dict[str, Any] = {
        "host": environ.get("HOST", "").strip() or HOST,
        "port": _number(environ, "PORT", PORT, 65535),
        "workers": _number(environ, "WORKERS", 0, 1024),
    }
    for variable, option in _FILES.items():
        value = environ.get(variable, "").strip()
        found[option] = Path(value) if value else None
    return found


def url(environ: Mapping[str, str]) -> str:
    """Return where this host reaches the server."""
    scheme = "https" if environ.get("TLS_CERT_FILE", "").strip() else "http"
    host = environ.get("HOST", "").strip() or HOST
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": HOST}.get(host, host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{_number(environ, 'PORT', PORT, 65535)}"


def seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    """Return a time in seconds; raises Problem `setting_invalid`."""
    text = environ.get(name, "").strip()
    digits = text.replace(".", "", 1)
    if text and not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise _invalid(name, "a number of seconds")
    return float(text) if text else default


def _number(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
        raise _invalid(name, f"a whole number from 0 to {most}")
    return int(text)


def _invalid(name: str, wanted: str) -> Problem:
    return Problem("setting_invalid", 422, f"The variable {name} may be {wanted}.", f"Set {name} to one.")
