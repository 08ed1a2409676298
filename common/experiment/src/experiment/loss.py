"""The loss that everything is chosen and judged by, and the way from raw scores to predictions."""

import numpy as np

from experiment.result import Floats

_LEAST = 1e-15


def row_losses(truth: Floats, prediction: Floats) -> Floats:
    """Return (n,) losses: squared error for (n,) predictions, else -log of the true class's probability."""
    if prediction.ndim == 1:
        squared: Floats = (truth - prediction) ** 2
        return squared
    chosen = prediction[np.arange(len(truth)), truth.astype(np.int64)]
    losses: Floats = -np.log(np.clip(chosen, _LEAST, 1.0))
    return losses


def loss(truth: Floats, prediction: Floats) -> float:
    """Return the log loss in nats for classes, the root mean squared error for regression."""
    mean = float(row_losses(truth, prediction).mean())
    return mean if prediction.ndim == 2 else float(np.sqrt(mean))


def predictions(raw: Floats, classes: int) -> Floats:
    """Turn raw scores of LightGBM into predictions: (n,) for regression, else (n, K) probabilities."""
    if not classes:
        return raw
    if classes == 2:
        positive = 1.0 / (1.0 + np.exp(-raw))
        return np.stack([1.0 - positive, positive], axis=1)
    exponent = np.exp(raw - raw.max(axis=1, keepdims=True))
    shares: Floats = exponent / exponent.sum(axis=1, keepdims=True)
    return shares
