"""One scoring pipeline as functions inside a SQL database."""
