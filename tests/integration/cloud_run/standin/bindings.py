"""Where the schema comes from: Terraform bindings on PyPI, generated from the providers' own schemas."""

import base64
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from standin.cache import unpacked

SOURCE_MAP = "sourceMappingURL=data:application/json;base64,"


@dataclass(frozen=True)
class Bindings:
    """One wheel of bindings, and the provider version whose schema it was generated from."""

    provider: str
    version: str
    wheel: str
    sha256: str

    def folder(self) -> Path:
        """Return the unpacked wheel, downloaded on first use."""
        return unpacked(self.wheel, self.sha256)


OLDEST = Bindings(
    "google",
    "6.50.0",
    "cdktn-provider-google==18.0.0",
    "6ca8b1c454f16c6560f00437310ccff1ee30f93d66daf9f38bdbee4c4d4d9aae",
)
NEWEST = Bindings(
    "google",
    "8.7.0",
    "cdktn-provider-google==21.1.0",
    "157dead5025d5db5abe48e40cc49f0b6a4d8088fd0498eb17ad5a36bca811b2a",
)
GOOGLE = {bindings.version: bindings for bindings in (OLDEST, NEWEST)}
AWS = Bindings(
    "aws",
    "5.100.0",
    "cdktf-cdktf-provider-aws==20.1.0",
    "2f0d2ee39ca8b9fd14032a2124f6ba64675df513bd5a87343584d760fc171490",
)


def sources(bindings: Bindings, folders: frozenset[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (folder, TypeScript source) of each folder of the bindings, or of those named.

    The package carries compiled JavaScript; the TypeScript that it was compiled from, with a comment about
    every attribute, is whole inside each file's source map. A folder is one resource or data source, split
    over several files where it is big: those are joined.
    """
    (archive,) = bindings.folder().glob("*/_jsii/*.jsii.tgz")
    found: dict[str, list[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes()), mode="r:gz") as files:
        for member in files:
            named = re.fullmatch(r"package/lib/([^/]+)/.+\.js", member.name)
            if named is None or (folders is not None and named[1] not in folders):
                continue
            handle = files.extractfile(member)
            assert handle is not None
            _, mark, encoded = handle.read().decode().rpartition(SOURCE_MAP)
            if mark:
                found.setdefault(named[1], []).extend(json.loads(base64.b64decode(encoded))["sourcesContent"])
    for folder, texts in sorted(found.items()):
        yield folder, "\n".join(texts)


def folders_of(provider: str, types: list[str]) -> frozenset[str]:
    """Return the folders that may hold these resource and data source types, and the provider's own."""
    names = {"provider"}
    for kind in types:
        dashed = kind.replace("_", "-")
        names |= {dashed, dashed.removeprefix(f"{provider}-"), f"data-{dashed}"}
    return frozenset(names)
