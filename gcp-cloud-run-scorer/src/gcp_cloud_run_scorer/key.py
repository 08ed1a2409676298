"""Keys: the API key that Cloud Run hands over in clear -> the digests that the server compares with."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from scoring.problem import Problem


def digests(environ: Mapping[str, str], folder: Path) -> Path | None:
    """Write a file of digests into `folder` and return it; None if no key is wanted.

    `API_KEY` has the key, or several between blanks, so that callers can change from one to the next;
    `API_KEY_FILE` names a mounted file with them. An empty secret opens no door.

    Raises:
        Problem: the file cannot be read, or there is no key in what should have one.
    """
    source = environ.get("API_KEY_FILE", "").strip()
    if source:
        try:
            text = Path(source).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            detail = f"API_KEY_FILE {source!r} cannot be read: {type(error).__name__}."
            raise Problem("keys_invalid", 503, detail, "Check how the secret is mounted.") from None
    elif "API_KEY" in environ:
        text = environ["API_KEY"]
    else:
        return None
    keys = text.split()
    if not keys:
        hint = "Put a key into the secret, or leave the variable out if nobody needs one."
        raise Problem("keys_invalid", 503, f"There is no key in {source or 'API_KEY'}.", hint)
    lines = [f"key-{number} {hashlib.sha256(key.encode()).hexdigest()}" for number, key in enumerate(keys, 1)]
    path = folder / "keys"
    path.touch(0o600)
    path.write_text("\n".join(lines) + "\n", "ascii")
    return path
