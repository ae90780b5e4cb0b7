"""What an error of another library says, short enough for a sentence."""


def first_line(error: Exception) -> str:
    """Return the first line of what an error says without its full stop; the name of its kind where it says nothing."""
    return (_lines(error) or [type(error).__name__])[0].rstrip(".")


def last_line(error: Exception) -> str:
    """Return the last line instead: where the first are places in somebody's source, the reason stands there."""
    return (_lines(error) or [type(error).__name__])[-1].rstrip(".")


def _lines(error: Exception) -> list[str]:
    return [line.strip() for line in str(error).splitlines() if line.strip()]
