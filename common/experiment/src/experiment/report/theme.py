"""The page's colours, light and dark, as CSS variables."""

LIGHT = {
    "page": "#f6f5f2",
    "card": "#ffffff",
    "sunken": "#efeeea",
    "ink": "#1c2126",
    "soft": "#525b64",
    "rule": "#dddad3",
    "grid": "#e8e6e1",
    "accent": "#175e8c",
    "good": "#1a7044",
    "bad": "#b3321f",
    "warn-ink": "#6b4300",
    "warn-page": "#fff3d6",
    "warn-rule": "#e2a73a",
    "alarm-ink": "#ffffff",
    "alarm-page": "#a3271a",
    "alarm-stripe": "#8c1f13",
    "right": "23 94 140",
    "wrong": "190 60 36",
    "c0": "#1f6fb2",
    "c1": "#c4511a",
    "c2": "#2c7d4f",
    "c3": "#8450b8",
    "c4": "#92700c",
    "c5": "#b8337a",
    "c6": "#127f8a",
    "c7": "#6a5d52",
    "cp": "#4a525b",
    "cq": "#d3d9df",
}
DARK = {
    "page": "#13171b",
    "card": "#1b2127",
    "sunken": "#242b32",
    "ink": "#e8ebee",
    "soft": "#a5afb9",
    "rule": "#343d46",
    "grid": "#2a323a",
    "accent": "#74b9ea",
    "good": "#6fcf97",
    "bad": "#ff8f78",
    "warn-ink": "#ffdf9e",
    "warn-page": "#36290d",
    "warn-rule": "#a87a1f",
    "alarm-ink": "#ffffff",
    "alarm-page": "#a3271a",
    "alarm-stripe": "#8c1f13",
    "right": "84 160 214",
    "wrong": "240 110 84",
    "c0": "#68b1ee",
    "c1": "#f59158",
    "c2": "#63c68d",
    "c3": "#c19bf0",
    "c4": "#dcb53f",
    "c5": "#f083b9",
    "c6": "#4cc5d1",
    "c7": "#b8a998",
    "cp": "#b3bcc5",
    "cq": "#3a4550",
}


def variables() -> str:
    """Return the rules that set the variables: by the system's preference, and by the page's own switch."""
    light, dark = _declared(LIGHT, "light"), _declared(DARK, "dark")
    series = "".join(f".c{s}{{--c:var(--c{s})}}" for s in [*map(str, range(8)), "p", "q"])
    return (
        f":root{{{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f":root[data-theme=light]{{{light}}}"
        f":root[data-theme=dark]{{{dark}}}"
        f"@media print{{:root,:root[data-theme]{{{light}}}}}"
        f"{series}"
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two #rrggbb colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _declared(colours: dict[str, str], scheme: str) -> str:
    return f"color-scheme:{scheme};" + "".join(f"--{name}:{value};" for name, value in colours.items())


def _luminance(colour: str) -> float:
    channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
