"""Terraform's environment for tests: nothing of the user's clouds, providers from a mirror where one lies."""

import os
from pathlib import Path

PROVIDER = "terraform-provider-aws_v*"
DEEPEST = 7  # folders below a place in which a mirror may lie
DROPPED = ("AWS_", "TF_", "GOOGLE_", "CLOUDSDK_", "SCORING_", "SCORER_")


def terraform_settings(folder: Path) -> dict[str, str]:
    """Return that environment, with files in a folder that stays as long as it is used."""
    config = folder / "config.tfrc"
    source = _mirrored()
    config.write_text("disable_checkpoint = true\n" + ("" if source is None else _installation(source)))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    return {
        **clean,
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
        "SCORING_HOME": str(folder / "home"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _installation(source: Path) -> str:
    """Write where Terraform finds a provider that lies in MIRROR/<host>/<namespace>/<type>."""
    name = "/".join(source.parts[-3:])
    mirror = f'filesystem_mirror {{\n    path = "{source.parents[2]}"\n    include = ["{name}"]\n  }}'
    direct = f'direct {{\n    exclude = ["{name}"]\n  }}'
    return f"provider_installation {{\n  {mirror}\n  {direct}\n}}\n"


def _mirrored() -> Path | None:
    """Find an unpacked provider on disk: MIRROR/<host>/<namespace>/<type>/<version>/<platform>/<binary>."""
    for place in (Path("/opt"), Path("/usr/local/share"), Path("/usr/share"), Path.home()):
        for top, folders, files in os.walk(place):
            if len(Path(top).relative_to(place).parts) > DEEPEST:
                folders.clear()
            folders[:] = [name for name in folders if name not in {"node_modules", "site-packages", ".git"}]
            if any(Path(name).match(PROVIDER) for name in files):
                return Path(top).parents[1]
    return None
