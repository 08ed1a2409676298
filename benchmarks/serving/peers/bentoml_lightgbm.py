"""LightGBM behind BentoML; MODEL is the text of the model. Served with `bentoml serve`."""

import os

import bentoml
import lightgbm
import numpy as np


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Forest:
    """Scores rows whose cells are texts."""

    def __init__(self) -> None:
        self.booster = lightgbm.Booster(model_file=os.environ["MODEL"])

    @bentoml.api(route="/model/score")
    async def score(
        self,
        fields: list[str],  # noqa: ARG002 -- the request has them
        rows: list[list[str]],
    ) -> dict[str, list[list[str]]]:
        """Score."""
        cells = np.array([[float(cell) for cell in row] for row in rows])
        found = self.booster.predict(cells, num_threads=1)
        return {"score": [[repr(value) for value in row] for row in np.asarray(found).tolist()]}
