"""Files that are either whole or absent: digests, atomic writing, and JSON on top of it."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.utils.replacing import restore, take_place

# How the names of things begin that are being written; what a killed program leaves of them means nothing.
PARTIAL = ".partial."
_OLD = ".old"

# How often another name is tried where one is taken.
_TRIES = 100


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form; equal values give equal digests on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; it takes the target's place only if the block succeeds.

    Raises:
        AgeLensError: something that is no file stands there.
    """
    with naming_errors(target):
        if target.exists() and not target.is_file():
            raise AgeLensError(f"{target} is no file that could be written anew; give another.")
        # A link stays, and what it names is written anew.
        target = target.resolve() if target.is_symlink() else target
        target.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays: Keras and others choose the format by it. Names have an end, at 255 bytes.
        temporary = _new(target.parent, target.stem[:40], target.suffix, _make_file)
        try:
            yield temporary
            _flush_to_disk(temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``target``; it takes the target's place only if the block succeeds."""
    with naming_errors(target):
        # A link stays, and what it names is written anew.
        target = target.resolve() if target.is_symlink() else _named(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _new(target.parent, target.name, "", Path.mkdir)
        try:
            yield temporary
            for path in temporary.rglob("*"):
                if path.is_file():
                    _flush_to_disk(path)
            take_place(temporary, target, aside(target))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _new(folder: Path, stem: str, suffix: str, make: Callable[[Path], object]) -> Path:
    """Make something under a name that is not taken, with the rights that the user gives to what is new.

    Those of `tempfile` are the owner's alone, and what the user gives cannot be asked for without changing it.
    """
    for _ in range(_TRIES):
        path = folder / f"{PARTIAL}{stem}.{secrets.token_hex(4)}{suffix}"
        try:
            make(path)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))


def _make_file(path: Path) -> None:
    path.touch(exist_ok=False)


def make_folder(folder: Path) -> None:
    """Make a folder, and see that files can be written there. Raises OSError, which names the folder, where not."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        # It would name the temporary file.
        error.filename = str(folder)
        raise


def aside(target: Path) -> Path:
    """Where the folder that is to be replaced stands while its place is taken, on systems that take it in two steps."""
    target = _named(target)
    return target.parent / f"{PARTIAL}{target.name}{_OLD}"


def _named(folder: Path) -> Path:
    """A folder by a name beside which others can stand; '.' and '..' are none."""
    return folder if folder.name not in ("", "..") else folder.resolve()


def remove_partials(folder: Path) -> None:
    """Remove what a killed program was writing in a folder and below it; nobody may be writing there now.

    A folder that was to be replaced, and was not, is put back.
    """
    for path in folder.rglob(f"{PARTIAL}*{_OLD}"):
        restore(path.with_name(path.name.removeprefix(PARTIAL).removesuffix(_OLD)), path)
    for path in sorted(folder.rglob(f"{PARTIAL}*")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def naming_errors(target: Path) -> Iterator[None]:
    """Let an error of writing name what is written: by itself it names nothing, or a temporary path."""
    try:
        yield
    except OSError as error:
        if error.filename is None or PARTIAL in str(error.filename):
            error.filename, error.filename2 = str(target), None
        raise


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text so that readers see the old file or the new one, never a part."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically. Non-finite numbers are refused: they are not JSON."""
    write_text(path, json_text(value, indent=1, allow_nan=False) + "\n")


def json_text(value: Any, encoding: str = "utf-8", **options: Any) -> str:
    """JSON that an encoding can hold: letters that it lacks, and names of files that are no text, are escaped."""
    text = json.dumps(value, ensure_ascii=False, **options)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, **options)
    return text


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken one gives a sentence that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AgeLensError(f"{path} does not exist.") from None
    except (ValueError, RecursionError) as error:
        # ValueError: also what is no UTF-8, and numbers of thousands of digits.
        raise AgeLensError(
            f"{path} is not valid JSON ({error}); what wrote it makes it again once it is deleted."
        ) from None
