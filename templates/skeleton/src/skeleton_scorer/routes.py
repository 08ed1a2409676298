"""Routes: what the target asks for beyond the contract, such as a probe under a path of its own."""

from server.route import Route


def routes() -> tuple[Route, ...]:
    """Return the routes, for `server.settings.Settings.more`; this target wants none."""
    return ()
