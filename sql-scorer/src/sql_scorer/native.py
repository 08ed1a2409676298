"""The engine's sources, put into `vendor/` in a checkout: a copy of the template can build the extension."""

from pathlib import Path

from scoring.draft import drafted

from sql_scorer.extension_package import NATIVE, contents, packed


def vendor_native(folder: Path) -> Path | None:
    """Write the engine's sources to `vendor/`; return the file, None if there are none anywhere."""
    from deployment.vendor import editable

    target = folder / NATIVE
    core = editable("scoring-core")
    if core is None:
        return target if target.is_file() else None
    content = packed(contents(core / "native"))
    target.parent.mkdir(exist_ok=True)
    if not target.is_file() or target.read_bytes() != content:
        with drafted(target) as draft:
            draft.write_bytes(content)
    return target
