"""The REST server of a scoring pipeline: the app that every HTTP template runs, and the process around it."""

__version__ = "0.1.0"
