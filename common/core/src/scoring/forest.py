"""LightGBM's text format as an artifact stores it: slim, and a bag of models merged into one.

The format is LightGBM's `GBDT::SaveModelToString` (versions 3 and 4): a header of `key=value` lines, then a
block for every tree, then `end of trees` and sections that play no part in prediction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.problem import Problem

_END = "end of trees"
_PANDAS = "pandas_categorical:"
_HEADER_KEYS = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "average_output",
    "feature_names",
)
_UNUSED_TREE_KEYS = {
    "split_gain",
    "internal_value",
    "internal_weight",
    "leaf_weight",
    "shrinkage",
}


@dataclass(frozen=True)
class Header:
    """What the head of a model's text says."""

    features: int
    """Length of a row."""
    outputs: int
    """Trees of one iteration: 1, or one for each class."""
    objective: str
    """As written, parameters included; empty when the model has none."""
    average: bool
    """Whether iterations are averaged (random forest)."""
    feature_names: tuple[str, ...]
    feature_infos: tuple[str, ...]
    """One of `none`, `[lowest:highest]` or `category:category:...` for each feature."""

    @property
    def objective_name(self) -> str:
        """Name of the objective without its parameters; empty when the model has none."""
        return self.objective.split(" ", 1)[0]


def read_header(text: str) -> Header:
    """Read the head of a model's text; raises Problem when it is none or lacks a key."""
    if not text.startswith("tree\n") and not text.startswith("tree\r\n"):
        raise _invalid("it does not start with the line 'tree'")
    if f"\n{_END}" not in text:
        raise _invalid(f"it has no line {_END!r}")
    head = text[: text.find("\nTree=")].partition(f"\n{_END}")[0]  # the trees are long and not looked at
    keys = _head(head.replace("\r\n", "\n"))
    try:
        names = tuple(keys["feature_names"].split(" "))
        header = Header(
            features=int(keys["max_feature_idx"]) + 1,
            outputs=int(keys["num_tree_per_iteration"]),
            objective=keys.get("objective", ""),
            average="average_output" in keys,
            feature_names=names,
            feature_infos=tuple(keys["feature_infos"].split(" ")),
        )
    except KeyError as fault:
        raise _invalid(f"its head has no {fault.args[0]!r}") from None
    except ValueError:
        raise _invalid("its head has a number that is none") from None
    if header.features < 1 or header.outputs < 1 or len(names) != header.features:
        raise _invalid("its head contradicts itself about the number of features")
    return header


def pandas_categories(text: str) -> list[list[object]] | None:
    """Read the category lists that LightGBM keeps for data frames; None when the text has none."""
    import json

    position = text.rfind(_PANDAS)
    if position < 0:
        return None
    try:
        found = json.loads(text[position + len(_PANDAS) :].strip())
    except ValueError:
        return None
    return found or None


def parameter(text: str, name: str) -> str | None:
    """Find one training parameter as the text has it; None when it is not there."""
    start = f"\n[{name}: "
    position = text.rfind(start)
    if position < 0:
        return None
    return text[position + len(start) : text.index("]\n", position)]


def slim(text: str) -> str:
    """Leave out of a model's text what neither predictions nor contributions need.

    LightGBM loads the result and gives the same predictions and contributions to the last bit. Gains,
    weights, feature ranges, importances, training parameters and data frame categories are gone.
    """
    head, trees = _split(text)
    return _join(_head(head), [_slim_tree(tree) for tree in trees])


def merge(texts: Sequence[str], *, digits: int | None = None) -> str:
    """Merge the members of a bag into one model whose raw score is the mean of theirs.

    The trees follow each other member by member, so that tree t still adds to output t modulo the number of
    outputs, and each leaf value is divided by the number of members. With `digits`, leaf values are rounded
    to that many significant digits. Raises Problem when the members are not models of the same kind over the
    same features.
    """
    if not texts:
        raise _invalid("there is no model to merge")
    parts = [_split(text) for text in texts]
    heads = [_head(head) for head, _ in parts]
    _check_alike(heads)
    outputs = int(heads[0]["num_tree_per_iteration"])
    iterations = [len(trees) // outputs for _, trees in parts]
    merged = []
    for count, (_, trees) in zip(iterations, parts, strict=True):
        # An averaging model divides by all iterations itself: only unequal lengths need weights.
        divisor = float(len(texts))
        if "average_output" in heads[0]:
            divisor = len(texts) * count / sum(iterations)
        merged += [_divide(_slim_tree(tree), divisor, digits) for tree in trees]
    return _join(heads[0], merged)


def _invalid(what: str) -> Problem:
    return Problem(
        "model_invalid",
        400,
        f"The LightGBM model cannot be read: {what}.",
        "Give the text that Booster.save_model or Booster.model_to_string writes.",
    )


def _split(text: str) -> tuple[str, list[str]]:
    """Cut a model's text into its head and its trees."""
    lines = text.replace("\r\n", "\n")
    if not lines.startswith("tree\n"):
        raise _invalid("it does not start with the line 'tree'")
    body, end, _ = lines.partition(f"\n{_END}")
    if not end:
        raise _invalid(f"it has no line {_END!r}")
    head, *trees = body.split("\nTree=")
    return head, [tree.partition("\n")[2] for tree in trees]


def _head(head: str) -> dict[str, str]:
    keys = {}
    for line in head.split("\n")[1:]:
        key, _, value = line.partition("=")
        if key:
            keys[key] = value
    return keys


def _slim_tree(tree: str) -> str:
    lines = []
    for line in tree.split("\n"):
        key, _, value = line.partition("=")
        if key and key not in _UNUSED_TREE_KEYS and (key, value) != ("is_linear", "0"):
            lines.append(line)
    return "\n".join(lines)


def _divide(tree: str, divisor: float, digits: int | None) -> str:
    lines = tree.split("\n")
    for position, line in enumerate(lines):
        key, _, value = line.partition("=")
        if key == "is_linear" and value != "0":
            raise _invalid("it has linear trees, which cannot be merged")
        if key == "leaf_value" and (divisor != 1.0 or digits is not None):
            values = [float(item) / divisor for item in value.split()]
            written = map(repr, values) if digits is None else (f"{item:.{digits}g}" for item in values)
            lines[position] = f"leaf_value={' '.join(written)}"
    return "\n".join(lines)


def _check_alike(heads: Sequence[dict[str, str]]) -> None:
    for number, head in enumerate(heads[1:], 2):
        for key in _HEADER_KEYS:
            if head.get(key) != heads[0].get(key):
                raise _invalid(f"model {number} of the bag has another {key!r} than the first")


def _join(head: dict[str, str], trees: Sequence[str]) -> str:
    missing = [
        key for key in ("feature_names", "max_feature_idx", "num_tree_per_iteration") if key not in head
    ]
    if missing:
        raise _invalid(f"its head has no {missing[0]!r}")
    blocks = [f"Tree={number}\n{tree}\n\n\n" for number, tree in enumerate(trees)]
    known = [key for key in _HEADER_KEYS if key in head]
    lines = [key if key == "average_output" else f"{key}={head[key]}" for key in known]
    infos = ["none"] * (head["feature_names"].count(" ") + 1)  # LightGBM insists on the key, not on its value
    sizes = [str(len(block.encode())) for block in blocks]
    lines += [f"feature_infos={' '.join(infos)}", f"tree_sizes={' '.join(sizes)}"]
    return "\n".join(["tree", *lines]) + "\n\n" + "".join(blocks) + f"{_END}\n"
