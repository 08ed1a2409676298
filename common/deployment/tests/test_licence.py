"""What a distribution says of its licence, in whichever of the three places, becomes one SPDX expression."""

from email.message import Message

import pytest
from deployment.licence import stated


def metadata(*lines: tuple[str, str]) -> Message:
    message = Message()
    for name, text in lines:
        message[name] = text
    return message


APACHE = ("Classifier", "License :: OSI Approved :: Apache Software License")
BSD = ("Classifier", "License :: OSI Approved :: BSD License")
MIT = ("Classifier", "License :: OSI Approved :: MIT License")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("License-Expression", "BSD-3-Clause AND MIT"), APACHE], "BSD-3-Clause AND MIT"),
        ([("License", "BSD-3-Clause"), BSD], "BSD-3-Clause"),
        ([("License", " mit "), APACHE], "MIT"),
        ([("License", "Copyright (c) 2001 ...\nAll rights reserved"), MIT], "MIT"),
        ([("License", "MIT License"), MIT, APACHE], "Apache-2.0 AND MIT"),
        ([BSD], "LicenseRef-BSD-License"),
        ([("Classifier", "License :: Other/Proprietary License")], "LicenseRef-Other-Proprietary-License"),
        ([("Classifier", "License :: OSI Approved"), MIT], "MIT"),
        ([("License", "see the file"), ("Classifier", "Topic :: Software Development")], ""),
        ([], ""),
    ],
)
def test_a_licence_is_read(lines: list[tuple[str, str]], expected: str) -> None:
    assert stated(metadata(*lines)) == expected
