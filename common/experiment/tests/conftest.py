"""Where the tests of experiments find the real data, if it is there."""

import os
from pathlib import Path

import pytest

_HERE = os.environ.get("SCORING_TEST_DATA", "")
_BESIDE = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def hydraulic() -> Path:
    """Return the folder with the real hydraulic data."""
    folder = (Path(_HERE) if _HERE else _BESIDE) / "hydraulic"
    if not (folder / "cycle_means.csv").is_file():
        pytest.skip(
            "the real hydraulic data is not here: set SCORING_TEST_DATA to the folder that has hydraulic/"
        )
    return folder
