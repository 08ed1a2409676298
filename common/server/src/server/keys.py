"""Keys: who may call. A file holds the names and digests of keys, never a key itself.

Keys are made here, of 256 random bits. That many bits cannot be guessed, so one round of SHA-256 is enough
to store them, and a request is checked in a microsecond; a slow hash would only let strangers keep the
server busy.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scoring.problem import Problem

_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def new(name: str) -> tuple[str, str]:
    """Make a key; return the key, which is shown once, and the line for the file.

    Raises:
        ValueError: the name has other characters than letters, digits and `._@-`.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"The name {name!r} of a key may have letters, digits and . _ @ - only.")
    key = f"sk-{secrets.token_urlsafe(32)}"
    return key, f"{name} {hashlib.sha256(key.encode()).hexdigest()}\n"


def presented(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the key that a request carries, as `x-api-key` or as `Authorization: Bearer`."""
    key = headers.get(b"x-api-key")
    if key is not None:
        return key
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" and token else None


class Keys:
    """The keys of one file. `refresh` takes up changes; a file that became unreadable changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._digests: tuple[tuple[str, bytes], ...] = ()
        self.refresh()

    def __len__(self) -> int:
        return len(self._digests)

    def name(self, key: bytes | None) -> str | None:
        """Return the name of a key, None if there is no such key; the time taken does not depend on it."""
        if key is None:
            return None
        shown = hashlib.sha256(key).digest()
        found = None
        for name, digest in self._digests:
            if hmac.compare_digest(shown, digest):
                found = name
        return found

    def refresh(self) -> bool:
        """Read the file again if it has changed; return whether it had.

        Raises:
            Problem: the file cannot be read or has a line that is no key; the keys are as before.
        """
        try:
            found = self._path.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            text = self._path.read_text("ascii")
        except OSError as error:
            self._stamp = None
            detail = f"The file of keys {str(self._path)!r} cannot be read: {error.strerror}."
            raise Problem("keys_invalid", 503, detail, "Check the path and its permissions.") from None
        except UnicodeDecodeError:
            text = "\0"
        self._digests = self._parse(text)
        return True

    def _parse(self, text: str) -> tuple[tuple[str, bytes], ...]:
        digests = {}
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) != 2 or not _NAME.fullmatch(words[0]) or not _DIGEST.fullmatch(words[1]):
                detail = f"Line {number} of the file of keys {str(self._path)!r} is no name and digest."
                raise Problem("keys_invalid", 503, detail, "Make a line with `scoring keys NAME`.")
            if words[0] in digests:
                detail = f"The file of keys {str(self._path)!r} has the name {words[0]} twice."
                raise Problem("keys_invalid", 503, detail, "Give every key a name of its own.")
            digests[words[0]] = bytes.fromhex(words[1])
        return tuple(digests.items())
