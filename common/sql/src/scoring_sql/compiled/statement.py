"""Statements: a program written as a query, a view or a function."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scoring import Scorer
from scoring.manifest import BINOMIAL
from scoring.problem import Problem
from scoring.schema import BOOL, STR, TIME64
from scoring.spelling import nearest

from scoring_sql.compiled.dialect import DIALECTS, Dialect
from scoring_sql.compiled.expression import tree_sql
from scoring_sql.compiled.feature import Features
from scoring_sql.compiled.link import Link
from scoring_sql.compiled.program import Program
from scoring_sql.compiled.tree import Forest, depth, read_forest

FORMS: Final = ("query", "view", "function")
MOST_ARGUMENTS: Final = 100
"""Arguments of a function in PostgreSQL."""

_ROUNDS_A_SELECT = 25  # iterations that one sub-select adds: planners take time that grows faster than this
_ROUNDS_A_STATEMENT = 100  # the same for an assignment of a function
_TYPES = {STR: "text", BOOL: "boolean", TIME64: "timestamp"}


@dataclass(frozen=True)
class Compiled:
    """Plain SQL that scores."""

    sql: str
    dialect: Dialect
    form: str
    trees: int
    depth: int
    """Splits on the longest path of a tree."""

    @property
    def size(self) -> int:
        """Bytes of the statement."""
        return len(self.sql.encode())


def compile_sql(
    scorer: Scorer,
    dialect: str,
    form: str = "query",
    table: str = "data",
    name: str = "scores",
    include: Sequence[str] | None = None,
    raw: bool = False,
) -> Compiled:
    """Write a scoring pipeline as SQL.

    `table` is the name of the table or view with the inputs, parts divided by dots; `name` that of the view
    or function that is made. `include` lists the columns that go through beside the outputs; None:
    the inputs. With `raw` the result has raw scores in place of outputs, named raw_0, raw_1 and so on.

    Raises:
        Problem: the dialect, form or a column is not known, the model has no form in SQL, or the statement
            exceeds what the database bears; the message has the size and the way to take instead.
    """
    into = _dialect(dialect)
    _check_form(form, into)
    return _Compiler(scorer, into, raw).compile(form, table, name, include)


class _Compiler:
    def __init__(self, scorer: Scorer, dialect: Dialect, raw: bool) -> None:
        self.scorer, self.dialect, self.raw = scorer, dialect, raw
        self.forest: Forest = read_forest(scorer.artifact.forest.decode())
        self.names = tuple(f"raw_{k}" for k in range(self.forest.outputs)) if raw else scorer.output_names

    def compile(self, form: str, table: str, name: str, include: Sequence[str] | None) -> Compiled:
        fields = [field.name for field in self.scorer.schema.inputs]
        kept = fields if include is None else list(include)
        double = sorted({column for column in kept if kept.count(column) > 1})
        if double:
            raise Problem(
                "column_twice", 400, f"The column {double[0]!r} is included twice.", "Name it once."
            )
        clash = sorted(set(kept) & set(self.names))
        if clash:
            detail = f"The column {clash[0]!r} is also the name of an output."
            raise Problem("column_twice", 400, detail, "Leave it out of the included columns.")
        if form == "function":
            sql = self._function(name)
        elif form == "view":
            sql = self._view(name, table, kept)
        else:
            sql = self._query(table, kept)
        deepest = max((depth(tree) for tree in self.forest.trees), default=0)
        made = Compiled(f"{self._head(form)}{sql};\n", self.dialect, form, len(self.forest.trees), deepest)
        self._check_size(made, len(kept))
        return made

    def _program(self, prefix: str, columns: Sequence[str], rounds: int) -> tuple[Program, list[str]]:
        """Write everything as values; `columns` are the SQL expressions of the inputs."""
        program = Program(prefix)
        features = Features(program, self.dialect, self.scorer.artifact.features, self.scorer.schema.inputs)
        for position, column in enumerate(columns):
            features.read(position, column)

        count, trees = self.forest.outputs, self.forest.trees
        scores = ["" for _ in range(count)]
        for start in range(0, len(trees), rounds * count):
            for k in range(count):
                read: list[str] = [scores[k]] if scores[k] else []

                def name(feature: int, category: bool, read: list[str] = read) -> str:
                    read.append(features.category(feature) if category else features.feature(feature))
                    return read[-1]

                piece = trees[start + k : start + rounds * count : count]
                terms = [tree_sql(tree, self.dialect, name) for tree in piece]
                if terms:
                    scores[k] = program.add(" + ".join([*read[: bool(scores[k])], *terms]), *read)
        scores = [score or program.source(self.dialect.number(0.0)) for score in scores]
        if self.raw:
            return program, scores
        link = Link(program, self.dialect)
        return program, link.outputs(self.forest, scores, self.scorer.task == BINOMIAL)

    def _query(self, table: str, kept: Sequence[str]) -> str:
        quote = self.dialect.quote
        prefix = _free_prefix([*kept, *self.names, *self.scorer.schema.names])
        columns = [quote(field.name) for field in self.scorer.schema.inputs]
        program, outputs = self._program(prefix, columns, _ROUNDS_A_SELECT)
        through = [quote(column) for column in kept]
        steps, source = [], _table(table, self.dialect)
        for level, (values, carried) in enumerate(program.levels(outputs)):
            listed = [*through, *carried, *(f"{value.sql} AS {value.name}" for value in values)]
            barrier = f" {self.dialect.barrier}" if self.dialect.barrier else ""
            step = f"{prefix}step{level}"
            steps.append(
                f"{step} AS {self.dialect.inline}(\nSELECT {', '.join(listed)} FROM {source}{barrier})"
            )
            source = step
        named = [f"{value} AS {quote(name)}" for value, name in zip(outputs, self.names, strict=True)]
        return f"WITH {', '.join(steps)}\nSELECT {', '.join([*through, *named])} FROM {source}"

    def _view(self, name: str, table: str, kept: Sequence[str]) -> str:
        view = _table(name, self.dialect)
        if self.dialect.name == "postgres" and len(self.scorer.schema) <= MOST_ARGUMENTS:
            # Over a function, a condition on the view still reaches the table's indexes.
            quote = self.dialect.quote
            through = [f"t.{quote(column)}" for column in kept]
            given = ", ".join(f"t.{quote(field)}" for field in self.scorer.schema.names)
            outputs = [f"s.{quote(output)}" for output in self.names]
            call = _table(f"{name}_of", self.dialect)
            return (
                f"{self._function(f'{name}_of')};\n\nCREATE OR REPLACE VIEW {view} AS\n"
                f"SELECT {', '.join([*through, *outputs])} FROM {_table(table, self.dialect)} AS t "
                f"CROSS JOIN LATERAL {call}({given}) AS s"
            )
        make = "CREATE VIEW" if self.dialect.name == "sqlite" else "CREATE OR REPLACE VIEW"
        make = "CREATE OR ALTER VIEW" if self.dialect.name == "tsql" else make
        return f"{make} {view} AS\n{self._query(table, kept)}"

    def _function(self, name: str) -> str:
        fields = self.scorer.schema.inputs
        if len(fields) > MOST_ARGUMENTS:
            raise Problem(
                "model_too_large",
                400,
                f"A function takes at most {MOST_ARGUMENTS} arguments, and there are {len(fields)} inputs.",
                "Compile a view or a query.",
            )
        quote = self.dialect.quote
        prefix = _free_prefix([*self.names, *self.scorer.schema.names])
        arguments = [f"{prefix}in{position}" for position in range(len(fields))]
        program, outputs = self._program(prefix, arguments, _ROUNDS_A_STATEMENT)
        taken = [f"{quote(field.name)} {_TYPES.get(field.type, 'double precision')}" for field in fields]
        given = [f"OUT {quote(output)} double precision" for output in self.names]
        # Aliases by position, so that no name of a field can be taken for a variable.
        body = ["#variable_conflict use_variable", "DECLARE"]
        body += [f"  {argument} ALIAS FOR ${position + 1};" for position, argument in enumerate(arguments)]
        body += [f"  {prefix}out{k} ALIAS FOR ${len(fields) + k + 1};" for k in range(len(self.names))]
        texts = self._texts(program, arguments)
        for value in program.values.values():
            body.append(f"  {value.name} {'text' if value.name in texts else 'double precision'};")
        body.append("BEGIN")
        body += [f"  {value.name} := {value.sql};" for value in program.values.values()]
        body += [f"  {prefix}out{k} := {value};" for k, value in enumerate(outputs)]
        text = "\n".join([*body, "END"])
        tag = _free_tag(text)
        return (
            f"CREATE OR REPLACE FUNCTION {_table(name, self.dialect)}({', '.join([*taken, *given])})\n"
            f"LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 AS {tag}\n{text}\n{tag}"
        )

    def _texts(self, program: Program, arguments: Sequence[str]) -> set[str]:
        fields = self.scorer.schema.inputs
        trimmed = {
            self.dialect.text(argument)
            for argument, field in zip(arguments, fields, strict=True)
            if field.type == STR
        }
        return {value.name for value in program.values.values() if value.sql in trimmed}

    def _head(self, form: str) -> str:
        scorer = self.scorer
        name = re.sub(r"[^\w .,:()-]", "?", scorer.name)
        lines = [
            f"Scoring pipeline {name}, artifact {scorer.digest}.",
            f"{len(self.forest.trees)} trees as a {form} for {self.dialect.label}.",
            "Every tree is interpreted by the database for every row: ten to a hundred times slower than the",
            "engine. For managed databases that take no extension; where there is a choice, install the",
            "functions (`scoring sql install`) or score next to the database (`scoring sql score`).",
        ]
        return "".join(f"-- {line}\n" for line in lines)

    def _check_size(self, made: Compiled, kept: int) -> None:
        limits = self.dialect.limits
        label, size = self.dialect.label, made.size
        other = "Score next to the database with `scoring sql score`, or call the function of the Lambda or "
        other += "Cloud Run template from the database; a smaller forest helps too."
        for most, why in (
            (limits.statement, "takes"),
            (limits.memory, "plans in reasonable time and memory"),
        ):
            if most is not None and size > most:
                detail = f"The statement has {size:,} bytes, and {label} {why} {most:,} at most."
                raise Problem("model_too_large", 400, detail, other)
        columns = kept + len(self.scorer.schema) + 2 * self.forest.outputs + len(self.names)
        if made.form != "function" and columns > limits.columns:
            detail = f"The statement needs {columns:,} columns, and {label} has {limits.columns:,} at most."
            raise Problem("model_too_large", 400, detail, f"Include fewer columns. {other}")


def _dialect(name: str) -> Dialect:
    found = DIALECTS.get(name)
    if found is None:
        close = nearest(name, DIALECTS)
        hint = f"Did you mean {close}?" if close else f"Known are {', '.join(DIALECTS)}."
        raise Problem("dialect_unknown", 400, f"There is no dialect {name!r}.", hint)
    return found


def _check_form(form: str, dialect: Dialect) -> None:
    if form not in FORMS:
        close = nearest(form, FORMS)
        hint = f"Did you mean {close}?" if close else f"Known are {', '.join(FORMS)}."
        raise Problem("form_unknown", 400, f"There is no form {form!r}.", hint)
    if form == "function" and dialect.name != "postgres":
        detail = f"Functions are made for PostgreSQL only, not for {dialect.label}."
        raise Problem("form_unknown", 400, detail, "Compile a view or a query.")


def _table(name: str, dialect: Dialect) -> str:
    parts = name.split(".")
    if not all(parts):
        raise Problem("name_invalid", 400, f"{name!r} is no name of a table.", "Write table or schema.table.")
    return ".".join(dialect.quote(part) for part in parts)


def _free_prefix(names: Sequence[str]) -> str:
    """Find letters with which no name begins, whatever the database thinks of capitals."""
    lower = [name.lower() for name in names]
    candidates = (f"s{'x' * count}_" for count in range(1_000_000))
    return next(prefix for prefix in candidates if not any(name.startswith(prefix) for name in lower))


def _free_tag(text: str) -> str:
    candidates = (f"$scorer{number or ''}$" for number in range(1_000_000))
    return next(tag for tag in candidates if tag not in text)
