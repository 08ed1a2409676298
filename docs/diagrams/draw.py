"""Draw the diagrams: each `.dot` of this folder becomes an SVG beside it, for light and dark pages.

`python docs/diagrams/draw.py` draws those that are stale, with Graphviz; `--check` names them without it.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STYLE = HERE / "style.css"
LOOK = (
    *("-Gbgcolor=transparent", "-Gnodesep=0.3", "-Granksep=0.45", "-Gpad=0.1"),
    *("-Nshape=box", "-Nstyle=rounded,filled", "-Nfontname=Helvetica", "-Nfontsize=12", "-Nmargin=0.18,0.09"),
    *("-Efontname=Helvetica", "-Efontsize=10", "-Earrowsize=0.7"),
)


def digest(source: Path) -> str:
    """Name what a diagram is drawn from: its text, and how all of them look."""
    parts = (source.read_bytes(), STYLE.read_bytes(), " ".join(LOOK).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def stale(source: Path) -> bool:
    """Tell whether the SVG beside a text was drawn from another one, or is not there."""
    drawn = source.with_suffix(".svg")
    return not drawn.exists() or f"<!-- {source.name} {digest(source)} -->" not in drawn.read_text("utf-8")


def draw(source: Path) -> str:
    """Return the SVG of a text; raises CalledProcessError where Graphviz cannot read it."""
    done = subprocess.run(["dot", "-Tsvg", *LOOK, source], capture_output=True, text=True, check=True)
    drawn = re.sub(r"<!--.*?-->\n?|<title>.*?</title>\n?", "", done.stdout, flags=re.DOTALL)
    drawn = re.sub(r'(<svg width="[\d.]+)pt" height="([\d.]+)pt"', r'\1" height="\2"', drawn)
    drawn = drawn[drawn.index("<svg") :]
    head, rest = drawn.split(">", 1)
    return (
        f"{head}>\n<!-- {source.name} {digest(source)} -->\n<style>\n{STYLE.read_text('utf-8')}</style>{rest}"
    )


def main() -> int:
    """Draw, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="draw nothing; 1 if a diagram is stale")
    checking = parser.parse_args().check
    found = [source for source in sorted(HERE.glob("*.dot")) if stale(source)]
    if found and not checking and shutil.which("dot") is None:
        print("Graphviz draws these: apt-get install graphviz, or brew install graphviz", file=sys.stderr)
        checking = True
    for source in found:
        if checking:
            print(f"{source.with_suffix('.svg')} is stale: run make docs", file=sys.stderr)
        else:
            drawn = draw(source)
            source.with_suffix(".svg").write_text(drawn, "utf-8")
            print(source.with_suffix(".svg"))
    return 1 if found and checking else 0


if __name__ == "__main__":
    sys.exit(main())
