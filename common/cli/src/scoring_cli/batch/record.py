"""Records of delimited text: where they end and on which line they begin, with line breaks in quoted cells.

A quote opens a quoted cell only where a cell begins; within one, a doubled quote is a quote. A quote anywhere
else is an ordinary character. This is how pyarrow reads, so both always agree on what a record is.
"""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")
_QUOTE: Final = ord('"')
_CLOSE: Final = re.compile(rb'(?:[^"]++|"")*+"')


def complete(data: bytes, delimiter: bytes) -> int:
    """Return how many bytes at the start of `data`, which begins with a record, are complete records."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    ends = record_ends(data, delimiter)
    return int(ends[-1]) + 1 if len(ends) else 0


def record_ends(data: bytes, delimiter: bytes) -> Positions:
    """Return the offsets of the line feeds that end a record; those inside quoted cells are left out."""
    letters = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(letters == _NEWLINE)
    quotes = np.flatnonzero(letters == _QUOTE)
    if not len(quotes):
        return newlines
    if _all_at_cell_edges(letters, quotes, delimiter):
        # Every quote opens or closes, so a line feed with an even number of quotes before it is outside.
        ends: Positions = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        return ends
    return _walk(data, newlines, delimiter)


def record_lines(data: bytes, delimiter: bytes, first: int) -> Positions:
    """Return the line number on which each record of `data` begins; blank lines are no records.

    `first` is the number of the line that `data` begins with.
    """
    letters = np.frombuffer(data, np.uint8)
    ends = record_ends(data, delimiter)
    starts = np.concatenate([[0], ends + 1])
    if starts[-1] == len(data):
        starts = starts[:-1]
    else:
        ends = np.append(ends, len(data))
    length = ends - starts
    blank = (length == 0) | ((length == 1) & (letters[starts] == _RETURN))
    newlines = np.flatnonzero(letters == _NEWLINE)
    lines: Positions = np.searchsorted(newlines, starts[~blank]) + first
    return lines


def _all_at_cell_edges(letters: NDArray[np.uint8], quotes: Positions, delimiter: bytes) -> bool:
    """Tell whether the quotes, taken in turn, open after and close before a cell's edge or another quote."""
    edge = np.zeros(256, bool)
    edge[[ord(delimiter), _NEWLINE, _RETURN, _QUOTE]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    if len(opening) and opening[0] == 0:
        opening = opening[1:]
    if len(closing) and closing[-1] == len(letters) - 1:
        closing = closing[:-1]
    return bool(edge[letters[opening - 1]].all() and edge[letters[closing + 1]].all())


def _walk(data: bytes, newlines: Positions, delimiter: bytes) -> Positions:
    """Do the same as `record_ends` quote by quote, for text with quotes in the middle of cells."""
    edges = delimiter + b"\r\n"
    outside = np.ones(len(newlines), bool)
    position = 0
    while (quote := data.find(b'"', position)) >= 0:
        if quote and data[quote - 1] not in edges:
            position = quote + 1
            continue
        close = _CLOSE.match(data, quote + 1)
        position = len(data) if close is None else close.end()
        outside[np.searchsorted(newlines, quote) : np.searchsorted(newlines, position)] = False
    return newlines[outside]
