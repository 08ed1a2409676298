"""Requests: the bytes of a score or contribution request -> what to score and how to answer.

A request is a JSON object; a key that is null counts as absent. Every fault is noted before a request is
refused, so that a caller mends all of them in one go.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from scoring._engine import Matrix, rows_span
from scoring.body import Body, decode, too_large
from scoring.cell import CellError, kind
from scoring.columns import Columns, check_fields
from scoring.fault import Faults, refusal
from scoring.problem import Problem
from scoring.reader import reader
from scoring.schema import UNSEEN, Schema
from scoring.settings import DEFAULT, Settings
from scoring.spelling import nearest, quoted

KINDS: Final = ("ORIGINAL", "TRANSFORMED")
"""The kinds of contributions; NONE is a third value of `requestShapleyValueType`."""

SCORE_KEYS: Final = (
    "fields",
    "rows",
    "includeFieldsInOutput",
    "noFieldNamesInOutput",
    "idField",
    "requestShapleyValueType",
    "requestPredictionIntervals",
    "requestOutOfDistribution",
    "typedOutput",
    "mediaFields",
)
CONTRIBUTION_KEYS: Final = ("fields", "rows", "requestShapleyValueType", "typedOutput")

_PLAIN: Final = {"fields", "rows"}  # the keys of most requests
_FEW: Final = 8  # rows up to which reading cell by cell is quicker than column by column
_PLANS: Final = 64  # lists of fields remembered; clients of one deployment send one or a few
_HEADS: Final = 64  # bodies without their rows remembered; what one client sends differs in the rows only
_LONGEST_HEAD: Final = 8192  # bytes of a body without its rows up to which it is remembered


@dataclass(slots=True)
class Request:
    """A request that can be answered; nobody changes it (it is not frozen only because that is slow to make).

    Attributes:
        columns: The request's fields against the schema's inputs.
        rows: The cells as they came; only their number counts if `echoed` is empty.
        row: The doubles of the only row, or None if there are more rows.
        values: The doubles of all rows, of shape (rows, inputs); None if `row` has them.
        echoed: Positions of the cells that the answer repeats, ascending.
        new_id: Name of a column of fresh ids in the answer, or None.
        named: Whether the answer names its columns.
        typed: Whether the answer has JSON numbers instead of strings.
        shapley: The kind of contributions wanted, or None.
        flagged: Whether the answer says which rows are out of distribution.
    """

    columns: Columns
    rows: list[list[object]]
    row: list[float] | None
    values: Matrix | None
    echoed: tuple[int, ...] = ()
    new_id: str | None = None
    named: bool = True
    typed: bool = False
    shapley: str | None = None
    flagged: bool = False

    def matrix(self) -> Matrix:
        """Return the doubles of all rows, of shape (rows, inputs)."""
        return Matrix([self.row or []]) if self.values is None else self.values

    def unseen(self) -> dict[str, int]:
        """Count, by field, the cells with a category that the scorer never saw; none of a field: left out."""
        values, counts = self.matrix(), {}
        for column, reads in enumerate(self.columns.readers):
            if reads.field.categories is not None:
                count = values.count(column, UNSEEN)
                if count:
                    counts[reads.field.name] = count
        return counts


class RequestParser:
    """Parses requests for one schema. May be shared by threads.

    `kinds` are the kinds of contributions that can be given. `example` takes whether contributions are
    wanted and returns a request that works, to go with a refusal. `measured` tells whether rows out of
    distribution can be flagged.
    """

    def __init__(
        self,
        schema: Schema,
        settings: Settings = DEFAULT,
        kinds: Iterable[str] = KINDS,
        example: Callable[[bool], dict[str, Any]] | None = None,
        measured: bool = False,
    ) -> None:
        self._readers = tuple(reader(field) for field in schema.inputs)
        self._settings = settings
        self._kinds = tuple(kinds)
        self._example = example
        self._measured = measured
        self._plans: dict[tuple[str, ...], Columns] = {}
        self._heads: dict[tuple[tuple[str, ...], bytes], Request] = {}

    def score(self, body: bytes) -> Request:
        """Parse a score request; raises Problem."""
        return self._parse(body, SCORE_KEYS)

    def contribution(self, body: bytes) -> Request:
        """Parse a contribution request; raises Problem."""
        return self._parse(body, CONTRIBUTION_KEYS)

    def opening(self, members: dict[str, Any], contributions: bool = False) -> Request:
        """Check the members of a request but for its rows, for bodies that bring the rows bit by bit.

        `members` are those of the JSON contract. The request that comes back has no rows; its `columns` read
        them. Raises Problem.
        """
        keys = CONTRIBUTION_KEYS if contributions else SCORE_KEYS
        faults = Faults(self._settings.limits.errors)
        body = Body.of(list(members.items()))
        request = self._opening(body, keys, faults)
        if faults:
            raise self._refused(faults, keys)
        assert request is not None
        return request

    def _parse(self, raw: bytes, keys: tuple[str, ...]) -> Request:
        limits = self._settings.limits
        if len(raw) > limits.body_bytes:
            raise too_large(limits.body_bytes)
        if (quick := self._quick(raw, keys)) is not None:
            return quick
        body = decode(raw)
        faults = Faults(limits.errors)
        if not isinstance(body, Body):
            detail = f"The body is {kind(body)}, but an object is wanted."
            faults.add("wrong_type", detail, None, "Send an object with fields and rows.")
            raise self._refused(faults, keys)
        if keys is SCORE_KEYS and body.keys() == _PLAIN and not body.twice:
            columns = self._columns(body, faults)
            row, values = self._cells(body, columns, (), False, faults)
            if not faults:
                assert columns is not None
                return Request(columns, body["rows"], row, values)
            raise self._refused(faults, keys)
        request = self._opening(body, keys, faults)
        columns = None if request is None else request.columns
        echoed = () if request is None else request.echoed
        shapley = request is not None and request.shapley is not None
        row, values = self._cells(body, columns, echoed, shapley, faults)
        if faults:
            raise self._refused(faults, keys)
        assert request is not None
        request.rows, request.row, request.values = body["rows"], row, values
        return request

    def _quick(self, raw: bytes, keys: tuple[str, ...]) -> Request | None:
        """Let the engine read the rows where they stand; None if anything is wrong or not plain."""
        span = rows_span(raw)
        if span is None:
            return None
        first, last, count = span
        head = b"%b[]%b" % (raw[:first], raw[last:])
        like = self._heads.get((keys, head)) or self._head(head, keys)
        if like is None or not 0 < count <= self._most_rows(like.shapley is not None):
            return None
        plain = like.columns.plain
        values = None if plain is None else plain.json(raw, first, last, count)
        if values is None:
            return None
        rows: list[list[object]] = [[]] * count
        return Request(
            like.columns,
            rows,
            None,
            values,
            (),
            like.new_id,
            like.named,
            like.typed,
            like.shapley,
            like.flagged,
        )

    def _head(self, head: bytes, keys: tuple[str, ...]) -> Request | None:
        """Read a body whose rows were cut out, and remember what it asks for; None if not all is well."""
        faults = Faults(1)
        try:
            body = decode(head)
            if not isinstance(body, Body) or body.twice:
                return None
            request = self._opening(body, keys, faults)
        except Problem:  # the rows may hold what is refused first
            return None
        if request is None or faults or request.echoed:
            return None
        if len(head) <= _LONGEST_HEAD:
            if len(self._heads) >= _HEADS:
                self._heads.clear()
            self._heads[keys, head] = request
        return request

    def _most_rows(self, shapley: bool) -> int:
        limits = self._settings.limits
        return min(limits.rows, limits.contribution_rows) if shapley else limits.rows

    def _opening(self, body: Body, keys: tuple[str, ...], faults: Faults) -> Request | None:
        """Read everything but the rows; None if there are no fields."""
        self._check_keys(body, keys, faults)
        columns = self._columns(body, faults)
        shapley = self._shapley(body, keys, faults)
        typed = body.flag("typedOutput", faults)
        named, new_id, flagged = True, None, False
        echoed: tuple[int, ...] = ()
        if keys is SCORE_KEYS:
            named = not body.flag("noFieldNamesInOutput", faults)
            echoed, new_id = self._output(body, columns, faults)
            _refuse_unsupported(body, faults)
            flagged = self._flagged(body, faults)
        if columns is None:
            return None
        return Request(columns, [], None, None, echoed, new_id, named, typed, shapley, flagged)

    def _refused(self, faults: Faults, keys: tuple[str, ...]) -> Problem:
        return faults.problem(None if self._example is None else self._example(keys is CONTRIBUTION_KEYS))

    def _check_keys(self, body: Body, keys: tuple[str, ...], faults: Faults) -> None:
        for name in body.twice:
            faults.add("duplicate_key", f"The key {quoted(name)} stands twice.", name, "Send each key once.")
        if self._settings.lenient:
            return
        for name in body:
            if name in keys:
                continue
            hint = f"The keys are {', '.join(keys)}."
            if name in SCORE_KEYS:
                hint = "It has no effect on contributions; leave it out."
            elif len(faults) < faults.named and (close := nearest(name, keys)) is not None:
                hint = f"Did you mean {close}?"
            faults.add("unknown_key", f"The key {quoted(name)} is not known.", name, hint)

    def _columns(self, body: Body, faults: Faults) -> Columns | None:
        fields = body.list_of("fields", faults)
        if fields is None:
            return None
        try:
            plan = self._plans.get(tuple(fields))
        except TypeError:  # an entry that is not hashable is no name
            plan = None
        if plan is not None:
            return plan
        most = self._settings.limits.fields
        if len(fields) > most:
            raise refusal("too_many_fields", f"The request has more than {most} fields.")
        before = len(faults)
        names = check_fields(fields, self._readers, self._settings.lenient, faults)
        plan = Columns.of(names, self._readers)
        if len(faults) == before:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            self._plans[plan.fields] = plan
        return plan

    def _shapley(self, body: Body, keys: tuple[str, ...], faults: Faults) -> str | None:
        name = "requestShapleyValueType"
        wanted = keys is CONTRIBUTION_KEYS
        if name not in body and not wanted:
            return None
        before = len(faults)
        value = body.text(name, faults)
        if value in self._kinds:
            return value
        allowed = KINDS if wanted else (*KINDS, "NONE")
        hint = f"Send {' or '.join(allowed)}."
        if value is None:
            if wanted and len(faults) == before:
                faults.add("missing_key", f"The key {name} is missing.", name, hint)
        elif value not in allowed:
            faults.add("unknown_value", f"The key {name} has a value that is not allowed.", name, hint)
        elif value != "NONE":
            detail = f"This deployment gives no {value} contributions."
            hint = "GET /model/capabilities lists what it gives."
            faults.add("unsupported_contributions", detail, name, hint)
        return None

    def _flagged(self, body: Body, faults: Faults) -> bool:
        name = "requestOutOfDistribution"
        wanted = body.flag(name, faults)
        if wanted and not self._measured:
            detail = "The artifact has no measure of its training rows to tell which rows are unlike them."
            hint = f"Leave {name} out, or deploy an artifact that `scoring experiment` made."
            faults.add("unsupported_out_of_distribution", detail, name, hint)
        return wanted

    def _output(
        self, body: Body, columns: Columns | None, faults: Faults
    ) -> tuple[tuple[int, ...], str | None]:
        id_field = body.text("idField", faults)
        name = "includeFieldsInOutput"
        include = body.list_of(name, faults, required=False)
        echoed: set[int] = set()
        new_id: str | None = None
        if not include or columns is None:
            return (), None
        positions = {field: position for position, field in enumerate(columns.fields)}
        for field in include:
            if not isinstance(field, str):
                faults.add("wrong_type", f"An entry of {name} is {kind(field)}, but text is wanted.", name)
            elif field in positions:
                echoed.add(positions[field])
            elif field == id_field:
                new_id = field
            elif not self._settings.lenient:
                hint = "Name fields of the request, or its idField."
                if len(faults) < faults.named and (close := nearest(field, positions)) is not None:
                    hint = f"Did you mean {quoted(close)}?"
                detail = f"{name} has {quoted(field)}, which is not a field of the request."
                faults.add("unknown_output_field", detail, field, hint)
        return tuple(sorted(echoed)), new_id

    def _cells(
        self, body: Body, columns: Columns | None, echoed: tuple[int, ...], shapley: bool, faults: Faults
    ) -> tuple[list[float] | None, Matrix | None]:
        rows = body.list_of("rows", faults)
        if rows is None:
            return None, None
        most = self._most_rows(shapley)
        if len(rows) > most:
            what = " and asks for contributions" if shapley else ""
            detail = f"The request has more than {most} rows{what}."
            raise refusal("too_many_rows", detail, "Send the rows in several requests.")
        if columns is None:
            return None, None
        if len(rows) <= _FEW and not faults:
            # The common case: few rows and nothing wrong. What is wrong is found again below, all of it.
            width = len(columns.fields)
            try:
                doubles = [columns.row(row) for row in rows if type(row) is list and len(row) == width]
            except CellError:
                doubles = []
            if len(doubles) == len(rows) and columns.echoes_read_cells(echoed):
                return (doubles[0], None) if len(rows) == 1 else (None, Matrix(doubles))
        numbers = columns.good_rows(rows, faults)
        good = rows if len(numbers) == len(rows) else [rows[number] for number in numbers]
        values = columns.matrix(good, faults, numbers)
        for position in echoed:
            columns.check_echo(position, good, faults, numbers)
        return None, values


def _refuse_unsupported(body: Body, faults: Faults) -> None:
    name = "requestPredictionIntervals"
    if body.flag(name, faults):
        detail = "This scorer has no prediction intervals."
        faults.add("unsupported_prediction_intervals", detail, name, f"Leave {name} out.")
    if body.get("mediaFields"):
        detail = "Scoring of files is not supported."
        faults.add("unsupported_media", detail, "mediaFields", "Leave mediaFields out and send values.")
