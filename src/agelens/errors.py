"""Errors that are answers: one sentence that names what is wrong and the way out."""

# What a Ctrl-C is answered with where there is nothing to go on from.
NOTHING_DONE = "Interrupted before anything was done."
NOTHING_ESTIMATED = "Interrupted before anything was estimated, so nothing was written."


class AgeLensError(Exception):
    """Bad input or an unusable place; the message is one sentence for the person, never a traceback."""


class InterruptionError(AgeLensError):
    """Ctrl-C in a command that would begin anew; the message says what there is."""


class ImageError(AgeLensError):
    """An image file that cannot be decoded; the message is the reason without the file's name."""


class NoImageError(AgeLensError, ValueError):
    """What was given as an image is nothing that could be one; the message says what can be given."""


class MissingExtraError(AgeLensError, ImportError):
    """A package that comes with an extra is not installed; the message is the line that installs it."""
