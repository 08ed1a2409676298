"""Experiments: a data set in, a scoring pipeline and an honest report out."""

from experiment.progress import Progress
from experiment.recipe import Recipe, catalogue
from experiment.result import Result
from experiment.run import run

__all__ = ["Progress", "Recipe", "Result", "catalogue", "run"]
