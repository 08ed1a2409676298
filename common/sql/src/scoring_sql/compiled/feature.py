"""Inputs and transforms as SQL: from a table's columns to what the forest compares.

A missing value is NULL throughout. The transforms are those of the artifact's features.json; each becomes one
value of the program or a few, with the operations of the engine in the engine's order.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from scoring.problem import Problem
from scoring.schema import BOOL, STR, TIME64, Field

from scoring_sql.compiled.dialect import Dialect
from scoring_sql.compiled.program import Program

NEAR_ZERO: Final = 1.0000000180025095e-35
"""LightGBM takes a number up to this size for 0."""

_SIGNS: Final = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_LAST_SECOND: Final = 9007199254740992.0


class Features:
    """Adds an artifact's inputs and transforms to a program, as far as the forest asks for them."""

    def __init__(self, program: Program, dialect: Dialect, graph: bytes, fields: Sequence[Field]) -> None:
        self._program, self._dialect, self._fields = program, dialect, fields
        body = json.loads(graph)
        self._outputs: list[int] = body["outputs"]
        self._nodes: list[
            tuple[dict[str, Any], int]
        ] = []  # by column: its node, and which of the node's columns
        for node in body["nodes"]:
            width = len(node["weights"]) if node["op"] == "project" else 1
            self._nodes += [(node, part) for part in range(width)]
        self._names: dict[int, str] = {}
        self._expressions: dict[int, str] = {}

    def read(self, field: int, column: str) -> None:
        """Say which SQL expression gives the cells of an input."""
        self._expressions[field] = column

    def needed(self, features: Sequence[int]) -> list[int]:
        """List the inputs that features depend on, ascending."""
        waiting = [self._outputs[feature] for feature in features]
        found: set[int] = set()
        while waiting:
            column = waiting.pop()
            if column in found:
                continue
            found.add(column)
            if column >= len(self._fields):
                waiting += self._nodes[column - len(self._fields)][0]["of"]
        return sorted(column for column in found if column < len(self._fields))

    def feature(self, number: int) -> str:
        """Name the value that the forest's splits compare."""
        column = self._outputs[number]
        name = self._column(column)
        if self._is_code(column):
            return name
        near = self._number(NEAR_ZERO)
        zero = f"CASE WHEN {name} BETWEEN {self._number(-NEAR_ZERO)} AND {near} THEN {self._number(0.0)}"
        return self._program.add(f"{zero} ELSE {name} END", name)

    def category(self, number: int) -> str:
        """Name the value that the forest's choices look up: a whole number."""
        column = self._outputs[number]
        name = self._column(column)
        if self._is_code(column):
            return name
        inside = f"{name} > {self._number(-1.0)} AND {name} < {self._number(2147483648.0)}"
        return self._program.add(f"CASE WHEN {inside} THEN {self._dialect.truncate(name)} END", name)

    def _is_code(self, column: int) -> bool:
        return column < len(self._fields) and self._fields[column].categories is not None

    def _number(self, value: float) -> str:
        return self._dialect.number(float(value))

    def _or_null(self, value: Any) -> str:
        return "NULL" if value is None or math.isnan(value) else self._number(value)

    def _column(self, column: int) -> str:
        if column not in self._names:
            if column < len(self._fields):
                self._names[column] = self._input(column)
            else:
                node, part = self._nodes[column - len(self._fields)]
                self._names[column] = self._node(node, part)
        return self._names[column]

    def _input(self, position: int) -> str:
        field, cell = self._fields[position], self._expressions[position]
        dialect, program = self._dialect, self._program
        if field.type == STR:
            text = program.source(dialect.text(cell))
            known = [
                f"WHEN {dialect.string(name)} THEN {self._number(code)}" for name, code in field.codes.items()
            ]
            gone = [
                f"WHEN {dialect.string(token)} THEN NULL"
                for token in field.missing
                if token not in field.codes
            ]
            other = f"CASE WHEN {text} IS NULL THEN NULL ELSE {self._number(-1.0)} END"
            return program.add(f"CASE {text} {' '.join([*known, *gone])} ELSE {other} END", text)
        if field.type == BOOL:
            cell = dialect.boolean(cell)
        elif field.type == TIME64:
            cell = dialect.epoch(cell)
        name = program.source(self._clean(f"CAST({cell} AS {dialect.double})"))
        for token in field.missing:
            name = self._without(name, token)
        if field.categories is None:
            return name
        codes = [
            f"WHEN {self._number(value)} THEN {self._number(code)}"
            for value, code in field.codes_by_number.items()
        ]
        other = f"CASE WHEN {name} IS NULL THEN NULL ELSE {self._number(-1.0)} END"
        return program.add(f"CASE {name} {' '.join(codes)} ELSE {other} END", name)

    def _without(self, name: str, token: str) -> str:
        """Take a number among the missing tokens out of the values."""
        try:
            value = float(token)
        except ValueError:
            return name
        if math.isnan(value) or (math.isinf(value) and not self._dialect.infinite):
            return name
        return self._program.add(f"NULLIF({name}, {self._number(value)})", name)

    def _clean(self, sql: str) -> str:
        return sql if self._dialect.clean is None else self._dialect.clean(sql)

    def _node(self, node: dict[str, Any], part: int) -> str:
        of = [self._column(column) for column in node["of"]]
        operation: Callable[..., str] = getattr(self, f"_{node['op']}")
        return operation(node, part, *of) if node["op"] == "project" else operation(node, *of)

    def _arithmetic(self, node: dict[str, Any], first: str, second: str | None = None) -> str:
        other = second if second is not None else self._or_null(node["by"])
        if node["op"] == "div":
            other = f"NULLIF({other}, {self._number(0.0)})"
        reads = (first,) if second is None else (first, second)
        return self._cleaned(f"{first} {_SIGNS[node['op']]} {other}", *reads)

    _add = _sub = _mul = _div = _arithmetic

    def _cleaned(self, sql: str, *reads: str) -> str:
        """Add a result that may be no number; some dialects name the expression twice to find out."""
        if self._dialect.clean is None:
            return self._program.add(sql, *reads)
        name = self._program.add(sql, *reads)
        return self._program.add(self._dialect.clean(name), name)

    def _project(self, node: dict[str, Any], part: int, *of: str) -> str:
        if any(scale == 0.0 for scale in node["scale"]):
            raise Problem(
                "model_not_supported",
                501,
                "A projection divides by a scale of 0, which databases refuse.",
                "Fit the transforms again without constant columns.",
            )
        terms = []
        for j, name in enumerate(of):
            fill = node["fill"][j]
            filled = name if fill is None else f"COALESCE({name}, {self._number(fill)})"
            centred = f"({filled} - {self._or_null(node['center'][j])}) / {self._or_null(node['scale'][j])}"
            terms.append(f"{centred} * {self._or_null(node['weights'][part][j])}")
        return self._cleaned(" + ".join(terms), *of)

    def _lookup(self, node: dict[str, Any], name: str) -> str:
        values = [
            f"WHEN {self._number(code)} THEN {self._or_null(value)}"
            for code, value in enumerate(node["table"])
        ]
        return self._program.add(f"CASE {' '.join([*self._gone(node, name, values, name)])} END", name)

    def _match(self, node: dict[str, Any], name: str) -> str:
        pairs = zip(node["keys"], node["values"], strict=True)
        values = [f"WHEN {self._number(key)} THEN {self._or_null(value)}" for key, value in pairs]
        return self._program.add(f"CASE {' '.join([*self._gone(node, name, values, name)])} END", name)

    def _gone(self, node: dict[str, Any], name: str, values: list[str], subject: str) -> list[str]:
        missing, unseen = self._or_null(node["missing"]), self._or_null(node["unseen"])
        inner = f"CASE {subject} {' '.join(values)} ELSE {unseen} END" if values else unseen
        return [f"WHEN {name} IS NULL THEN {missing} ELSE {inner}"]

    def _equal(self, node: dict[str, Any], name: str) -> str:
        test = f"{name} = {self._or_null(node['value'])}"
        return self._program.add(
            f"CASE WHEN {test} THEN {self._number(1.0)} ELSE {self._number(0.0)} END", name
        )

    def _isnan(self, _: dict[str, Any], name: str) -> str:
        one, zero = self._number(1.0), self._number(0.0)
        return self._program.add(f"CASE WHEN {name} IS NULL THEN {one} ELSE {zero} END", name)

    def _fill(self, node: dict[str, Any], name: str) -> str:
        return self._program.add(f"COALESCE({name}, {self._or_null(node['value'])})", name)

    def _clip(self, node: dict[str, Any], name: str) -> str:
        ends = [(sign, node[key]) for sign, key in (("<", "low"), (">", "high")) if node[key] is not None]
        whens = [f"WHEN {name} {sign} {self._number(end)} THEN {self._number(end)}" for sign, end in ends]
        return self._program.add(f"CASE {' '.join(whens)} ELSE {name} END", name) if whens else name

    def _date(self, node: dict[str, Any], name: str) -> str:
        return Calendar(self._program, self._dialect).part(name, node["part"])


class Calendar:
    """Parts of a date from seconds since 1970, in the proleptic Gregorian calendar, by arithmetic alone.

    Years are counted from 1 March, so that the leap day is the last, in cycles of 400 years.
    """

    def __init__(self, program: Program, dialect: Dialect) -> None:
        self._program, self._number = program, dialect.number

    def part(self, seconds: str, part: str) -> str:
        """Name the value that is one part of a date."""
        limit = self._number(_LAST_SECOND)
        inside = f"{seconds} BETWEEN -{limit} AND {limit}"
        whole = self._add(f"CASE WHEN {inside} THEN FLOOR({seconds}) END", seconds)
        days = self._floor(whole, 86400)
        if part in ("hour", "minute"):
            in_day = self._add(f"{whole} - {days} * {self._n(86400)}", whole, days)
            if part == "hour":
                return self._floor(in_day, 3600)
            return self._rest(self._floor(in_day, 60), 60)
        if part == "weekday":
            return self._rest(self._add(f"{days} + {self._n(3)}", days), 7)
        return self._civil(days, part)

    def _civil(self, days: str, part: str) -> str:
        shifted = self._add(f"{days} + {self._n(719468)}", days)
        cycle = self._floor(shifted, 146097)
        within = self._add(f"{shifted} - {cycle} * {self._n(146097)}", shifted, cycle)
        leaps = [self._floor(within, count) for count in (1460, 36524, 146096)]
        counted = self._add(f"{within} - {leaps[0]} + {leaps[1]} - {leaps[2]}", within, *leaps)
        year = self._floor(counted, 365)
        fourth, hundredth = self._floor(year, 4), self._floor(year, 100)
        before = f"({year} * {self._n(365)} + {fourth} - {hundredth})"
        in_year = self._add(f"{within} - {before}", within, year, fourth, hundredth)
        march = self._floor(self._add(f"{in_year} * {self._n(5)} + {self._n(2)}", in_year), 153)
        if part == "day":
            start = self._floor(self._add(f"{march} * {self._n(153)} + {self._n(2)}", march), 5)
            return self._add(f"{in_year} - {start} + {self._n(1)}", in_year, start)
        late = f"{march} >= {self._n(10)}"  # January and February end the year that began in March
        if part == "month":
            months = f"CASE WHEN {late} THEN {march} - {self._n(9)} ELSE {march} + {self._n(3)} END"
            return self._add(months, march)
        added = f"CASE WHEN {late} THEN {self._n(1)} ELSE {self._n(0)} END"
        civil = self._add(f"{cycle} * {self._n(400)} + {year} + {added}", cycle, year, march)
        if part == "year":
            return civil
        divided = [self._rest(civil, count) for count in (4, 100, 400)]
        zero = self._n(0)
        leap = f"({divided[0]} = {zero} AND {divided[1]} <> {zero} OR {divided[2]} = {zero})"
        # 1 January is day 306 of the year that began in March, 1 March day 60 or 61 of its own year.
        early = f"{in_year} + CASE WHEN {leap} THEN {self._n(61)} ELSE {self._n(60)} END"
        day = self._add(
            f"CASE WHEN {late} THEN {in_year} - {self._n(305)} ELSE {early} END", march, in_year, *divided
        )
        return self._floor(day, 7) if part == "week" else day

    def _n(self, value: int) -> str:
        return self._number(float(value))

    def _add(self, sql: str, *reads: str) -> str:
        return self._program.add(sql, *reads)

    def _floor(self, name: str, by: int) -> str:
        return self._add(f"FLOOR({name} / {self._n(by)})", name)

    def _rest(self, name: str, by: int) -> str:
        whole = self._floor(name, by)
        return self._add(f"{name} - {whole} * {self._n(by)}", name, whole)
