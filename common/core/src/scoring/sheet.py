"""Sheets: rows of cells that come bit by bit, scored through the JSON contract; numpy is not needed.

For deployments that answer CSV, NDJSON and data warehouses without the server: what a cell means, what an
answer says and which faults there are is the JSON contract's, by way of its own bytes.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from scoring import contract
from scoring._engine import table_text
from scoring.fault import COUNTED, Faults
from scoring.manifest import BINOMIAL, MULTINOMIAL
from scoring.problem import Problem
from scoring.request import Request
from scoring.scorer import Scorer
from scoring.settings import Settings

_LINE_END: Final = "\n"


class Sheet:
    """One request whose rows come in parts.

    `members` are those of the JSON contract but for `fields` and `rows`. With `typed`, answers have JSON
    numbers and the cells that they repeat keep their types; without, all cells are texts or None. Faults of
    rows are gathered in `faults`; `check` refuses them. Raises Problem when the fields or members are wrong.
    """

    def __init__(
        self,
        scorer: Scorer,
        settings: Settings,
        fields: Sequence[str],
        members: dict[str, Any],
        faults: Faults,
        contributions: bool = False,
        typed: bool = False,
    ) -> None:
        self._scorer, self._settings, self._only = scorer, settings, contributions
        self._faults = faults
        given = {"fields": list(fields), **members}
        self.request: Request = contract.opening(scorer, given, settings, contributions)
        self._head = {**given, "typedOutput": typed}
        self.names = names(scorer, self.request, contributions)
        self.count = 0

    def rows(self, rows: list[list[object]]) -> list[list[Any]]:
        """Return the answers to some rows, a list of cells each in the order of `names`; [] after faults."""
        body = self.body(rows)
        if body is None:
            return []
        document = json.loads(body)
        if self._only:
            document = {"featureShapleyContributions": document}
        return flat(document, self.request.shapley is not None)

    def lines(self, chunk: str) -> str | None:
        """Return the answers to whole lines of CSV as such lines, a fifth of the work that `rows` is.

        None, and nothing is counted, where the cells have to be looked at one by one: the request asks for
        more than scores, there are quotes or other than plain values, or anything is wrong.
        """
        ask, plain = self.request, self.request.columns.plain
        more = self._only or ask.echoed or ask.new_id is not None or ask.shapley is not None or ask.flagged
        values = None if more or self._faults or plain is None or '"' in chunk else plain.csv(chunk)
        if values is None:
            return None
        self.count += len(values)
        scores = self._scorer.engine.scores(values, False, self._settings.threads)
        outputs = scores.complemented() if self._scorer.task == BINOMIAL else scores
        return f"{table_text(outputs, 'csv', _LINE_END, 0, outputs.shape[1])}{_LINE_END}"

    def body(self, rows: list[list[object]]) -> bytes | None:
        """Return the JSON answer to some rows, None after faults."""
        start = self.count
        self.count += len(rows)
        if self._faults:
            self._note(rows, start)
            return None
        ask = contract.contribution_reply if self._only else contract.reply
        sent = json.dumps({**self._head, "rows": rows}, separators=(",", ":")).encode()
        try:
            return ask(self._scorer, sent, self._settings).body
        except Problem as problem:
            if problem.code == "invalid_request":
                self._note(rows, start)
            if not self._faults:
                raise
            return None

    def check(self, last: bool = True) -> None:
        """Refuse the request if there are faults and nothing follows, or too many of them; raises Problem."""
        if self._faults and (last or len(self._faults) >= COUNTED):
            if not last:
                self._faults.more(0, cut=True)
            raise self._faults.problem(json.loads(contract.sample_request(self._scorer)))

    def _note(self, rows: list[list[object]], start: int) -> None:
        """Note what is wrong with rows, the first of which has the number `start`."""
        columns = self.request.columns
        places = columns.good_rows(rows, self._faults, start)
        good, numbers = [rows[place] for place in places], [start + place for place in places]
        columns.matrix(good, self._faults, numbers)
        for position in self.request.echoed:
            columns.check_echo(position, good, self._faults, numbers)


def names(scorer: Scorer, request: Request, only: bool = False) -> list[str]:
    """Return the names of an answer's columns; with `only` there are contributions and no scores."""
    found = [request.columns.fields[position] for position in request.echoed]
    if request.new_id is not None:
        found.append(request.new_id)
    if not only:
        found += scorer.output_names
    if request.shapley is not None:
        original = request.shapley == "ORIGINAL"
        parts = scorer.schema.names if original else scorer.engine.feature_names
        groups = [f".{label}" for label in scorer.labels] if scorer.task == MULTINOMIAL else [""]
        found += [f"contrib_{part}{group}" for group in groups for part in (*parts, "bias")]
    if request.flagged:
        found += ["outOfDistribution", "distance"]
    return found


def flat(document: dict[str, Any], shapley: bool) -> list[list[Any]]:
    """Return an answer of the JSON contract row by row: scores, contributions, flag and distance."""
    rows: list[list[Any]] = document.get("score", [])
    if shapley:
        shares = document["featureShapleyContributions"]["contributionGroups"]
        groups = [share["contributions"] for share in shares]
        joined = [[cell for part in parts for cell in part] for parts in zip(*groups, strict=True)]
        rows = [[*row, *more] for row, more in zip(rows, joined, strict=True)] if rows else joined
    if "outOfDistribution" in document:
        flags = zip(rows, document["outOfDistribution"], document["distances"], strict=True)
        rows = [[*row, flag, distance] for row, flag, distance in flags]
    return rows
