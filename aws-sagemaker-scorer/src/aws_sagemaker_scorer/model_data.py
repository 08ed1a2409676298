"""Model data: an artifact as SageMaker wants it, model.tar.gz, named by the artifact's digest."""

import gzip
import io
import tarfile
from pathlib import Path

import scoring
from scoring import contract
from scoring.draft import drafted


def model_data(pipeline: Path, folder: Path) -> list[Path]:
    """Write `<sha256>.tar.gz` and `<sha256>.json`, the sample request, into a directory; return both.

    The same artifact gives the same bytes, on any day.

    Raises:
        Problem: the artifact cannot be read, or is none.
    """
    scorer = scoring.load(pipeline)
    folder.mkdir(parents=True, exist_ok=True)
    archive, sample = (folder / f"{scorer.digest}{kind}" for kind in (".tar.gz", ".json"))
    with drafted(archive) as draft:
        draft.write_bytes(_packed(scorer.artifact.data))
    with drafted(sample) as draft:
        draft.write_bytes(contract.sample_request(scorer))
    return [archive, sample]


def _packed(data: bytes) -> bytes:
    """Return the archive: one file, of nobody, from the first day."""
    made = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", 6, made, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        member = tarfile.TarInfo("model.pipeline")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return made.getvalue()
