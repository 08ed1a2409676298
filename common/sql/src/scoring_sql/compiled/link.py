"""From raw scores to outputs: LightGBM's own formulas, in its own order of operations."""

from collections.abc import Sequence

from scoring.problem import Problem

from scoring_sql.compiled.dialect import Dialect
from scoring_sql.compiled.program import Program
from scoring_sql.compiled.tree import Forest

_IDENTITY = {
    "",
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
    "lambdarank",
    "rank_xendcg",
}
_IDENTITY |= {"custom", "none"}
_LOWEST, _HIGHEST = -745.0, 709.0  # beyond these the exponential of a double is 0 or infinite


class Link:
    """Adds the outputs of a forest to a program."""

    def __init__(self, program: Program, dialect: Dialect) -> None:
        self._program, self._dialect = program, dialect

    def outputs(self, forest: Forest, raw: Sequence[str], binomial: bool) -> list[str]:
        """Name the values of the output columns; `raw` names the raw scores.

        Raises Problem for an objective that has no form here.
        """
        name, *words = forest.objective or ("",)
        if forest.average:
            rounds = self._number(len(forest.trees) // forest.outputs)
            raw = [self._program.add(f"{score} / {rounds}", score) for score in raw]
        if name in _IDENTITY:
            square = "sqrt" in words and name != "huber"
            made = [self._square(score) for score in raw] if square else list(raw)
        elif name in ("poisson", "gamma", "tweedie"):
            made = [self._exponential(score) for score in raw]
        elif name in ("binary", "cross_entropy", "multiclassova"):
            slope = next((float(word[8:]) for word in words if word.startswith("sigmoid:")), 1.0)
            made = [self._logistic(score, slope if name != "cross_entropy" else 1.0) for score in raw]
        elif name == "multiclass":
            made = self._softmax(raw)
        else:
            raise Problem(
                "model_not_supported",
                501,
                f"The objective {name!r} has no form in SQL.",
                "Score next to the database with `scoring sql score`.",
            )
        if binomial:
            made = [self._program.add(f"{self._number(1)} - {made[0]}", made[0]), made[0]]
        return made

    def _number(self, value: float) -> str:
        return self._dialect.number(float(value))

    def _exponential(self, name: str) -> str:
        if not self._dialect.checked:
            return self._program.add(f"EXP({name})", name)
        low = f"WHEN {name} < {self._number(_LOWEST)} THEN {self._number(0)}"
        return self._program.add(f"CASE {low} ELSE EXP({name}) END", name)

    def _logistic(self, name: str, slope: float) -> str:
        turned = self._program.add(f"{self._number(-slope)} * {name}", name)
        one, zero = self._number(1), self._number(0)
        if not self._dialect.checked and self._dialect.infinite:
            return self._program.add(f"{one} / ({one} + EXP({turned}))", turned)
        high = f"WHEN {turned} > {self._number(_HIGHEST)} THEN {zero}"
        low = f"WHEN {turned} < {self._number(_LOWEST)} THEN {one}"
        return self._program.add(f"CASE {high} {low} ELSE {one} / ({one} + EXP({turned})) END", turned)

    def _softmax(self, raw: Sequence[str]) -> list[str]:
        most = self._program.add(f"{self._dialect.greatest}({', '.join(raw)})", *raw)
        below = [self._program.add(f"{score} - {most}", score, most) for score in raw]
        parts = [self._exponential(name) for name in below]
        total = self._program.add(" + ".join(parts), *parts)
        return [self._program.add(f"{part} / {total}", part, total) for part in parts]

    def _square(self, name: str) -> str:
        return self._program.add(
            f"CASE WHEN {name} < {self._number(0)} THEN -{name} * {name} ELSE {name} * {name} END", name
        )
