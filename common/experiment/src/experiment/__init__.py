"""Experiments: a data set in, a scoring pipeline and an honest report out."""
