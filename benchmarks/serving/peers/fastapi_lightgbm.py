"""A plain FastAPI app around LightGBM, as tutorials have it; MODEL is the text of the model.

`/model/score` is an `async def`; `/threaded` is the same as a `def`, which FastAPI runs in a thread.
"""

import os

import lightgbm
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

booster = lightgbm.Booster(model_file=os.environ["MODEL"])
app = FastAPI()


class Rows(BaseModel):
    """The names of the columns and the rows, whose cells are texts."""

    fields: list[str]
    rows: list[list[str]]


class Scores(BaseModel):
    """A row of probabilities for each row."""

    score: list[list[str]]


def _scores(request: Rows) -> Scores:
    cells = np.array([[float(cell) for cell in row] for row in request.rows])
    found = booster.predict(cells, num_threads=1)
    return Scores(score=[[repr(value) for value in row] for row in np.asarray(found).tolist()])


@app.post("/model/score")
async def score(request: Rows) -> Scores:
    """Score on the event loop."""
    return _scores(request)


@app.post("/threaded")
def threaded(request: Rows) -> Scores:
    """Score in a thread of FastAPI's pool."""
    return _scores(request)
