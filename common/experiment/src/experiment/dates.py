"""Parts of dates."""

from typing import ClassVar

import numpy as np

from experiment.graph import Graph
from experiment.step import Known, Stand, Step

PARTS = ("year", "month", "day", "hour", "minute", "weekday", "dayofyear", "week")
_DAY = 86400.0


class DateParts(Step):
    """Year, month, day, week, weekday, hour and minute, as far as they vary in training."""

    name: ClassVar[str] = "date parts"

    def applies(self, known: Known) -> bool:
        """Tell whether there are times."""
        return bool(known.times())

    def fit(self, known: Known, graph: Graph, stand: Stand) -> None:  # noqa: ARG002
        """Add the parts of each time column."""
        for column in known.times():
            seconds = known.X[:, column]
            seconds = seconds[~np.isnan(seconds)]
            if not len(seconds):
                continue
            span = (seconds.max() - seconds.min()) / _DAY
            within = seconds % _DAY
            useful = {
                "year": span > 400,
                "month": span > 45,
                "dayofyear": span > 45,
                "week": span > 45,
                "day": span > 10,
                "weekday": span > 3,
                "hour": bool(np.any(within >= 3600.0)),
                "minute": bool(np.any(within % 3600.0 >= 60.0)) and span < 2,
            }
            for part in PARTS:
                if useful[part]:
                    graph.feature(
                        graph.node("date", [column], part=part), f"{known.fields[column].name}:{part}"
                    )
