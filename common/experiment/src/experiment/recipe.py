"""Data recipes: named ways to get a data set when there is no file at hand."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scoring.problem import Problem
from scoring.schema import did_you_mean

from experiment import recipes
from experiment.progress import Progress
from experiment.table import Table


@dataclass(frozen=True)
class Recipe:
    """A way to get a data set: what it is, which columns can be the target, and how to load it."""

    name: str
    summary: str
    """One line for a list of recipes, with the licence where the data is somebody's."""
    targets: tuple[str, ...]
    default_target: str
    load: Callable[[Path | None, Progress], Table]
    """(source or None, progress) -> table, always the same one."""


def catalogue() -> dict[str, Recipe]:
    """Return all recipes by name: every module of `experiment.recipes` has one, called RECIPE.

    To add one, put a file there; there is no list to keep.
    """
    found: dict[str, Recipe] = {}
    for module in sorted(pkgutil.iter_modules(recipes.__path__), key=lambda info: info.name):
        recipe: Recipe = importlib.import_module(f"experiment.recipes.{module.name}").RECIPE
        found[recipe.name] = recipe
    return found


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name; raises Problem with the nearest one when there is none."""
    known, name = catalogue(), name.replace("_", "-")
    if name not in known:
        hint = did_you_mean(name, known) or f"The recipes are {', '.join(known)}."
        raise Problem("unknown_recipe", 400, f"There is no recipe {name!r}.", hint)
    return known[name]
