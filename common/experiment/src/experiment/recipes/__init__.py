"""One module a data recipe; each has a RECIPE. `experiment.recipe` finds them."""
