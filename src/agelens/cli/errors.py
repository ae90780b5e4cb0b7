"""What goes wrong, as one sentence and an exit status."""

import errno
import os
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from agelens.errors import NOTHING_DONE, AgeLensError, InterruptionError
from agelens.utils.extras import about_missing

INTERRUPTED = 130
# How the sentences of checks of values, as regular expressions, are told.
_PLAIN = {
    "Value error, ": "",
    r"Input should be greater than or equal to (\S+)$": r"it takes a number from \1 up.",
    r"Input should be less than or equal to (\S+)$": r"it takes a number up to \1.",
    r"Input should be greater than (\S+)$": r"it takes a number above \1.",
    r"Input should be less than (\S+)$": r"it takes a number below \1.",
    r"Input should be a valid integer\b.*$": "it takes a whole number.",
    r"Input should be a (?:valid|finite) number\b.*$": "it takes a number.",
}
_INTERRUPTED = "Interrupted; the same command goes on from what is done."


def answer(work: Callable[[], Any], begun: Callable[[], bool] = lambda: True) -> int:
    """Do the work and give the exit status; what goes wrong for a reason is told in one sentence.

    Args:
        begun: whether a command has begun, before which there is nothing to go on from.
    """
    try:
        status = work() or 0
        # Here, where a full disk behind standard output can still be told.
        sys.stdout.flush()
        return _complain(_interrupted(begun), status) if status == INTERRUPTED else status
    except KeyboardInterrupt:
        return _complain(_interrupted(begun), INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the lines has enough, as `head` does; nobody is left to be told.
        return 1
    except InterruptionError as interruption:
        return _complain(str(interruption), INTERRUPTED)
    except typer.TyperException as error:
        return _complain(_in_plain_words(error.format_message()), error.exit_code)
    except AgeLensError as error:
        return _complain(str(error))
    except ModuleNotFoundError as error:
        if (sentence := about_missing(error)) is None:
            raise
        return _complain(sentence)
    except OSError as error:
        return _complain(_about_files(error))
    finally:
        _drop_output()


def leave(status: int) -> NoReturn:
    """End the process with this exit status.

    Work that broke off may leave TensorFlow's threads within Python code that makes batches. Python's end would cut
    them off there, which C++ answers by aborting the process: so the process is ended without it.
    """
    if status and "tensorflow" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _in_plain_words(message: str) -> str:
    """What a check of values says, without its own name and in the words of the other sentences."""
    for said, plain in _PLAIN.items():
        message = re.sub(said, plain, message)
    return message


def _interrupted(begun: Callable[[], bool]) -> str:
    return _INTERRUPTED if begun() else NOTHING_DONE


def _drop_output() -> None:
    """Let go of lines that standard output cannot take, or Python tries once more at its end and fails loudly."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _about_files(error: OSError) -> str:
    place = error.filename or "standard output or a temporary file"
    if error.errno == errno.ENOSPC:
        return f"The disk is full ({place}); make room or give another --out or --cache, and start again to go on."
    reason = error.strerror or error
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        reason = "a file stands where a folder is needed"
    return f"{place} cannot be used: {reason}; give another with the option that named it."


def _complain(sentence: str, status: int = 2) -> int:
    # After the help of a command that was called with nothing there is nothing more to say.
    if sentence:
        print(f"agelens: {sentence}", file=sys.stderr)
    return status
