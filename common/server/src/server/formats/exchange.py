"""Exchanges: one request whose rows come in batches, from bytes to bytes. Does no input or output itself."""

import json
from collections.abc import Sequence
from typing import Any

from scoring import contract
from scoring._engine import Matrix
from scoring.fault import COUNTED, Faults, refusal
from scoring.manifest import MULTINOMIAL
from scoring.request import Request
from scoring.response import NUMERIC, fresh_ids
from scoring.scorer import Scorer
from scoring.settings import Settings

from server.formats.batch import Batch, Decoder
from server.formats.encoder import Encoder, Layout, Part


class Exchange:
    """Reads, scores and writes one request.

    As long as nothing of the answer has been sent, faults are gathered and refused together when the body
    ends or `COUNTED` are there; `sent` says that it has, after which the first fault ends the exchange.
    """

    def __init__(
        self,
        scorer: Scorer,
        settings: Settings,
        decoder: Decoder,
        encoder: Encoder,
        members: dict[str, Any],
        contributions: bool,
        faults: Faults,
    ) -> None:
        self._scorer = scorer
        self._settings = settings
        self._decoder = decoder
        self._encoder = encoder
        self._members = members
        self._only = contributions
        self._faults = faults
        self._request: Request | None = None
        self.rows = 0
        self.sent = False

    def push(self, data: bytes, last: bool) -> bytes:
        """Take bytes of the body and return bytes of the answer; `last` tells that the body has ended.

        Raises:
            Problem: what is wrong with the request.
        """
        written = []
        for batch in self._decoder.decode(data, last):
            written += self._batch(batch)
        if last and self._request is None and self._decoder.fields is not None:
            written.append(self._open())
        if self._faults and (last or self.sent or len(self._faults) >= COUNTED):
            if not last:
                self._faults.more(0, cut=True)
            raise self._faults.problem(json.loads(contract.sample_request(self._scorer)))
        if last:
            written.append(self._encoder.tail())
        return b"".join(written)

    def _batch(self, batch: Batch) -> list[bytes]:
        written = [] if self._request else [self._open()]
        request = self._request
        assert request is not None
        values = batch.values(request.columns, self._faults, self.rows)
        if not self._faults:
            request.values = values
            result = contract.evaluate(self._scorer, request, self._settings, not self._only)
            cells = [batch.cells(position) for position in request.echoed]
            written.append(self._encoder.body(parts(request, result, cells)))
        self.rows += batch.count
        limits = self._settings.limits
        if request.shapley is not None and self.rows > min(limits.rows, limits.contribution_rows):
            most = min(limits.rows, limits.contribution_rows)
            detail = f"The request has more than {most} rows and asks for contributions."
            raise refusal("too_many_rows", detail, "Send the rows in several requests.")
        return written

    def _open(self) -> bytes:
        fields = self._decoder.fields
        assert fields is not None
        members = {"fields": list(fields), **self._members}
        request = contract.opening(self._scorer, members, self._settings, self._only)
        self._request = request
        return self._encoder.head(layout(self._scorer, request, self._decoder.types, self._only))


def layout(scorer: Scorer, request: Request, types: Sequence[Any] | None, only: bool = False) -> Layout:
    """Return the columns of the answer to a request; `types` are the Arrow types of its fields, if known."""
    names = [request.columns.fields[position] for position in request.echoed]
    kinds = [None if types is None else types[position] for position in request.echoed]
    readers = dict(zip(request.columns.positions, request.columns.readers, strict=True))
    numeric = [position in readers and readers[position].field.type in NUMERIC for position in request.echoed]
    if request.new_id is not None:
        names.append(request.new_id)
        kinds.append(None)
        numeric.append(False)
    if not only:
        names += scorer.output_names
    if request.shapley is not None:
        original = request.shapley == "ORIGINAL"
        parts = scorer.schema.names if original else scorer.engine.feature_names
        groups = [f".{label}" for label in scorer.labels] if scorer.task == MULTINOMIAL else [""]
        names += [f"contrib_{part}{group}" for group in groups for part in (*parts, "bias")]
    if request.flagged:
        names += ["outOfDistribution", "distance"]
    return Layout(names, kinds, numeric, request.flagged)


def parts(request: Request, result: contract.Result, cells: Sequence[Any]) -> list[Part]:
    """Return the columns of an answer as parts: repeated cells, fresh ids, numbers, flags, distances."""
    found: list[Part] = list(cells)
    if request.new_id is not None:
        found.append(fresh_ids(len(request.matrix())))
    blocks = (result.scores, result.contributions)
    numbers = [block for block in blocks if block is not None and block.shape[1]]
    found.append(numbers[0] if len(numbers) == 1 else Matrix.beside(numbers))
    if result.distances is not None:
        found += [list(result.distances.flags), Matrix([[length] for length in result.distances.lengths])]
    return found
