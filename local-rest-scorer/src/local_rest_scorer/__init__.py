"""A REST server for one scoring pipeline on a host of your own: in the foreground or supervised."""

__version__ = "0.1.0"
