"""HTML and SVG as text that is escaped unless it says that it is markup."""

from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "col", "hr", "input", "link", "meta"})
"""Elements without an end tag."""

Child = object
"""What an element may hold: Markup as it is, None as nothing, anything else as escaped text."""


class Markup(str):
    """Text that is already valid HTML; every other text is escaped on its way in."""

    __slots__ = ()


def text(value: Child) -> Markup:
    """Return `value` as markup: escaped, unless it is markup already; None becomes nothing."""
    if value is None:
        return Markup("")
    if isinstance(value, Markup):
        return value
    return Markup(escape(printable(str(value)), quote=True))


def printable(value: str) -> str:
    """Return `value` with control characters (which HTML forbids) shown as a replacement mark."""
    return "".join(
        c if (c >= " " and c != "\x7f") or c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in value
    )


def tag(element: str, /, *children: Child, **attributes: object) -> Markup:
    """Build one element.

    `class_` stands for `class`, an underscore within a name for a hyphen (`aria_label`, `data_x`). An
    attribute that is None or False is left out, one that is True has no value.
    """
    words = [element]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        words.append(attribute if value is True else f'{attribute}="{text(str(value))}"')
    head = " ".join(words)
    if element in VOID:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{join(children)}</{element}>")


def shape(element: str, /, *children: Child, **attributes: object) -> Markup:
    """Build one SVG element; attribute names keep their case, so `viewBox` is written as it is."""
    return tag(element, *children, **attributes)


def join(children: Iterable[Child]) -> Markup:
    """Put pieces of markup (and text, escaped) one after the other."""
    return Markup("".join(text(child) for child in children))
