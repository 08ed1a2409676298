"""The entry point of the `scoring` command."""


def main() -> None:
    """Run the command line."""
