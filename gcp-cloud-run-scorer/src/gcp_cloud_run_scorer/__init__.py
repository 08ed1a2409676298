"""One scoring pipeline on Google Cloud Run."""
