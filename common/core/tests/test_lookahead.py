"""Reading ahead gives the same pieces, in their order, and one of them early."""

import threading
from collections.abc import Iterator

import pytest
from scoring.lookahead import ahead


@pytest.mark.parametrize("beside", [True, False])
def test_the_pieces_in_their_order(beside: bool) -> None:
    assert list(ahead(range(20), beside)) == list(range(20))
    assert list(ahead([], beside)) == []


def test_the_next_piece_comes_while_the_caller_works() -> None:
    second = threading.Event()

    def pieces() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    for piece in ahead(pieces()):
        assert second.wait(10), piece


def test_a_fault_comes_where_its_piece_would() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    got = ahead(pieces())

    assert next(got) == 1
    with pytest.raises(OSError, match="gone"):
        next(got)
