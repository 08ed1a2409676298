"""LightGBM behind LitServe; MODEL is the text of the model; the argument is the port."""

import os
import sys
from typing import Any

import lightgbm
import litserve
import numpy as np


class Forest(litserve.LitAPI):
    """Scores the rows of a request, whose cells are texts."""

    def setup(self, device: str) -> None:  # noqa: ARG002 -- there is one kind only
        """Load the model."""
        self.booster = lightgbm.Booster(model_file=os.environ["MODEL"])

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Read the cells."""
        return np.array([[float(cell) for cell in row] for row in request["rows"]])

    def predict(self, x: Any) -> Any:
        """Score."""
        return self.booster.predict(x, num_threads=1)

    def encode_response(self, output: Any) -> dict[str, Any]:
        """Write the probabilities as texts."""
        return {"score": [[repr(value) for value in row] for row in output.tolist()]}


if __name__ == "__main__":
    server = litserve.LitServer(Forest(api_path="/model/score"), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        num_api_servers=1,
        generate_client_file=False,
    )
