"""Starting Keras without its backend's talk."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from rich.console import Console

from agelens.errors import AgeLensError


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep what native libraries write to standard error while they load; it is shown if loading fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        loaded = False
        try:
            yield
            loaded = True
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            if not loaded:
                caught.seek(0)
                sys.stderr.write(caught.read().decode(errors="replace"))


@contextlib.contextmanager
def _terminal() -> Iterator[Console]:
    """Standard error as it is now, whatever becomes of it."""
    with os.fdopen(os.dup(2), "w") as file:
        yield Console(file=file)


def load_keras() -> None:
    """Load Keras before the packages that need it, without TensorFlow's lines about its own start.

    Whoever uses TensorFlow already has set what it says; else it keeps to errors, for a notebook shows its every line.
    """
    from agelens.utils.progress import waiting

    # TensorFlow reads it once, when it first has something to say.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    try:
        with _terminal() as terminal, waiting("starting Keras", where=terminal), _hushed():
            # First, for newer ones prepare for forks, and a backend that loads may be forking in another thread.
            import filelock  # noqa: F401
            import keras  # noqa: F401
    except ValueError as error:
        raise AgeLensError(
            f"Keras cannot start: {error}; unset KERAS_BACKEND, or set it to tensorflow, jax or torch."
        ) from None
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
