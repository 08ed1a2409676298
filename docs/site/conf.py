"""What Sphinx is told; `build.py` gives it the pages."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

project = "Scoring templates"
author = "the contributors"
version = release = str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
language = "en"

extensions = ["myst_parser"]
myst_heading_anchors = 6
# Results go from a title to a third level, and examples are cut short with dots: both are meant.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "furo"
html_title = "Scoring templates"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options: dict[str, Any] = {"footer_icons": []}
