"""Bodies and answers other than JSON: CSV, NDJSON and Arrow streams, gzip; in bounded memory both ways.

A cell means the same in every format (`scoring.cell`), and the same faults are found, with rows counted from
0. What the JSON contract says in members, these formats say in the query; see `scoring.options`.
"""

from server.formats.answer import contribution, plain, plain_headers, score

__all__ = ["contribution", "plain", "plain_headers", "score"]
