"""The scoring core: artifact, engine, contributions and request contract."""
