"""The licence that a distribution states in its metadata, in the words of SPDX."""

import re
from collections.abc import Mapping
from email.message import Message
from typing import Final

_CLASSIFIED: Final[Mapping[str, str]] = {
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
# What people write into the free field, if it is one licence and means one thing.
_WRITTEN: Final[Mapping[str, str]] = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "isc": "ISC",
    "mit": "MIT",
    "mpl-2.0": "MPL-2.0",
    "psf-2.0": "PSF-2.0",
    "zlib": "Zlib",
}


def stated(metadata: Message) -> str:
    """Return an SPDX expression for the licence that the metadata state, "" if they state none.

    The field that is made for it counts first, then a word in the free field that means one licence, then
    the classifiers, all of which must be obeyed. A classifier that names no one licence of SPDX becomes a
    LicenseRef.
    """
    expression = str(metadata["License-Expression"] or "").strip()
    if expression:
        return expression
    written = str(metadata["License"] or "").strip().lower()
    if written in _WRITTEN:
        return _WRITTEN[written]
    named = [
        str(text) for text in metadata.get_all("Classifier") or [] if str(text).startswith("License :: ")
    ]
    found = {_of_classifier(text.rpartition(" :: ")[2]) for text in named}
    return " AND ".join(sorted(found - {""}))


def _of_classifier(name: str) -> str:
    if name == "OSI Approved":
        return ""  # says nothing
    return _CLASSIFIED.get(name) or "LicenseRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")
