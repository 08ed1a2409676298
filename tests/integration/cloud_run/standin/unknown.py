"""Values that Terraform does not know yet, and how they travel."""

from typing import Any, Final

import msgpack  # type: ignore[import-not-found, import-untyped, unused-ignore]


class Unknown:
    """A value that is only known once something has been created."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = Unknown()


def decode(packed: bytes) -> Any:
    """Return Terraform's value, `UNKNOWN` in the place of each that is not known."""
    return msgpack.unpackb(packed, ext_hook=lambda code, data: UNKNOWN, strict_map_key=False)


def encode(value: Any) -> bytes:
    """Return the value as Terraform reads it."""
    packed: bytes = msgpack.packb(value, default=lambda left: msgpack.ExtType(0, b"\0"))
    return packed


def known(value: Any) -> bool:
    """Tell whether a value is there and known itself (parts of it may not be)."""
    return value is not None and value is not UNKNOWN
