"""One scoring pipeline on: A process on this host."""
