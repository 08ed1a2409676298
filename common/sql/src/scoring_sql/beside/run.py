"""A run: rows of a query in, their scores in a table, chunk by chunk, in bounded memory."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from scoring import Problem, Scorer
from scoring.lookahead import ahead

from scoring_sql.beside import key
from scoring_sql.beside.address import Address
from scoring_sql.beside.answering import Answering
from scoring_sql.beside.checkpoint import FINISHED, RUNNING, TABLE, Checkpoint
from scoring_sql.beside.database import open_source, open_target
from scoring_sql.beside.job import APPEND, CELLS, OVERWRITE, Job
from scoring_sql.beside.matching import matched
from scoring_sql.beside.target import Target

PREVIEW: Final = 10
"""Rows of a dry run."""

_FEWEST: Final = 100

Watch = Callable[[int, float], None]
"""Told after each chunk how many rows this run has written and how many seconds it took so far."""


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    rows: int
    """Rows that this run wrote."""
    before: int
    """Rows that earlier runs of the job had written."""
    seconds: float
    guarantee: str


def preview(scorer: Scorer, job: Job, source: Address) -> Any:
    """Score the first rows and write nothing; returns a pyarrow table as it would be written."""
    with open_source(source) as rows:
        query, wanted = matched(scorer, job, rows)
        answering = Answering(scorer, job, wanted)
        chunk = next(iter(rows.rows(query, wanted, None, PREVIEW, PREVIEW)))
        return answering.answer(chunk)[0]


def score(
    scorer: Scorer,
    job: Job,
    source: Address,
    target: Address | None = None,
    *,
    resume: bool = False,
    threads: int = 0,
    watch: Watch | None = None,
) -> Summary:
    """Score the rows of a query and write key, copied columns and scores to a table.

    Rows come in the order of the key. Each chunk is one transaction of the target that holds its rows and the
    checkpoint, so that a run that is killed has written whole chunks and `resume` goes on behind the last of
    them; with nothing to resume it begins at the beginning, and after a run that ended it takes the rows with
    higher keys. "overwrite" writes into a table beside and changes over in one transaction at the end.

    Args:
        scorer: what scores the rows.
        job: what to score, and the table.
        source: where the query runs, read only.
        target: where the table is; the source if left out.
        resume: go on where an earlier run of the job stopped.
        threads: threads of the engine, 0 for all cores.
        watch: told of progress.

    Raises:
        Problem: whatever is wrong; what is committed stays, and is said.
    """
    begin = time.monotonic()
    rows = 0
    with contextlib.ExitStack() as stack:
        read = stack.enter_context(contextlib.ExitStack())
        reading = read.enter_context(open_source(source))
        query, wanted = matched(scorer, job, reading)
        answering = Answering(scorer, job, wanted, threads)
        writing = stack.enter_context(open_target(target or source))
        writing.open(job, scorer.digest, source.label)
        writing.check(answering.names)
        checkpoint = _checkpoint(writing, job, resume)
        after = None if checkpoint is None or checkpoint.last_key is None else key.decode(checkpoint.last_key)
        answering.last = after
        before = 0 if checkpoint is None else checkpoint.rows
        size = max(_FEWEST, min(job.chunk_rows, CELLS // (len(wanted.names) + len(answering.names))))
        chunks = reading.rows(query, wanted, after, min(size, job.chunk_rows), None)
        prepared = False
        try:
            for chunk in stack.enter_context(contextlib.closing(ahead(chunks, reading.ahead))):
                table, last = answering.answer(chunk)
                if not prepared:
                    writing.prepare(table.schema, checkpoint)
                    prepared = True
                if last is not None:
                    writing.write(table, key.encode(last))
                    rows += table.num_rows
                    if watch is not None:
                        watch(rows, time.monotonic() - begin)
            # With a reader's locks, the change-over of a table that was read would wait for ever.
            read.close()
            writing.finish()
        except Problem as problem:
            if rows:
                problem.detail += f" Before that {rows:,} rows were committed{_staged(job)}."
            raise
        return Summary(rows, before, time.monotonic() - begin, writing.guarantee)


def _staged(job: Job) -> str:
    return f" beside {job.table}, which is as it was" if job.mode == OVERWRITE else ""


def _checkpoint(target: Target, job: Job, resume: bool) -> Checkpoint | None:
    """Claim the job; return where to go on, None for the beginning."""
    found = target.checkpoint()
    unfinished = found is not None and found.state == RUNNING and found.rows > 0
    if found is not None and unfinished and job.mode == APPEND and not resume:
        raise Problem(
            "unfinished_job",
            409,
            f"An earlier run of this job stopped after {found.rows:,} rows, which are in {job.table}.",
            "Go on behind them with --resume; or delete them and the job's row in "
            f"{job.table.beside(TABLE)} (job {target.id}) to begin anew.",
        )
    found = target.claim()
    if not resume or (found is not None and found.state == FINISHED and job.mode == OVERWRITE):
        return None
    return found
