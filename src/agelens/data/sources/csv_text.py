"""A manifest as text: in whatever encoding and with whatever separator a spreadsheet or a program wrote it."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from agelens.errors import AgeLensError

_MARKS = (
    # That of UTF-32 begins as that of UTF-16 does.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = (",", ";", "\t", "|")
# Stands behind the last line; no text file holds it.
_END = "\0end of the manifest\0"
# What begins so is an archive: .xlsx and .ods are, whatever they are called.
_ARCHIVE = b"PK\x03\x04"


@dataclass(frozen=True)
class Sheet:
    """The lines of a manifest.

    Attributes:
        header: names of the columns, without spaces around them.
        lines: number of the line in the file, from 1, and the fields, of each line that is not blank.
        notes: how the file was understood, where that is not certain.
    """

    header: list[str]
    lines: list[tuple[int, list[str]]]
    notes: list[str] = field(default_factory=list)


def read_sheet(file: Path) -> Sheet:
    """Split a text file into a header and lines of fields.

    Raises:
        AgeLensError: it cannot be read, is empty, is no text, or has a quote that is not closed.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise AgeLensError(f"{file} cannot be read: {error.strerror}; give another manifest.") from None
    text, note = _decode(file, data)
    separator, text, skipped = _announced(text)
    lines = _split(file, text, separator or _separator(text))
    first = next(lines, None)
    if first is None:
        raise AgeLensError(f"{file} is not a CSV file: it is empty.")
    header = [_trim(name) for name in first[1]]
    return Sheet(header, [(number + skipped, fields) for number, fields in lines], [note] if note else [])


def _decode(file: Path, data: bytes) -> tuple[str, str]:
    """The text, and a note where its encoding is a guess."""
    if data.startswith(_ARCHIVE):
        raise AgeLensError(f"{file} is not a CSV file but a spreadsheet or an archive; save it as CSV.")
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    try:
        return data.decode(marked or _without_mark(data)), ""
    except UnicodeDecodeError as error:
        if marked or b"\0" in data:
            raise AgeLensError(f"{file} is not a CSV file: {error}.") from None
    note = f"{file.name} is not in UTF-8 and is read as Windows-1252; save it in UTF-8 if names look wrong"
    try:
        return data.decode("cp1252"), note
    except UnicodeDecodeError:
        # Five bytes mean nothing there; Latin-1 has a letter for all.
        return data.decode("latin-1"), note.replace("Windows-1252", "Latin-1")


def _without_mark(data: bytes) -> str:
    """UTF-8, or UTF-16 where every second byte of the beginning is 0, as of Latin letters."""
    start = data[:64]
    if len(start) >= 4 and b"\0" in start:
        if not any(start[1::2]) and all(start[::2]):
            return "utf-16-le"
        if not any(start[::2]) and all(start[1::2]):
            return "utf-16-be"
    return "utf-8"


def _announced(text: str) -> tuple[str, str, int]:
    """The separator that Excel writes into a first line ``sep=;``, the text behind it, and how many lines that was."""
    first, end, rest = text.partition("\n")
    words = first.strip().strip('"')
    if words.lower().startswith("sep=") and len(words) == 5:
        return words[4], rest, 1
    return ("\t", rest, 1) if words.lower() == "sep=" and end else ("", text, 0)


def _separator(text: str) -> str:
    """What parts the header into most columns; between equals the usual one."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(_SEPARATORS, key=lambda separator: _columns(header, separator))


def _columns(header: str, separator: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=separator), []))
    except csv.Error:
        # Between separators that it does not have a long header is one field that is longer than any may be.
        return 0


def _split(file: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the line where it begins and trimmed fields, of each record that is not blank."""
    # Lines may end as they do on any system, a quoted field may hold ends of lines, and one that is not closed takes
    # the end too: by that it is found.
    lines = chain(io.StringIO(text, newline=""), ["\n", _END])
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    number = 1
    try:
        for fields in reader:
            if fields == [_END]:
                return
            trimmed = [_trim(one) for one in fields]
            if not any(_END in one for one in trimmed):
                if any(trimmed):
                    yield number, trimmed
                number = reader.line_num + 1
        problem = "a quote is not closed"
    except csv.Error as error:
        problem = str(error)
    raise AgeLensError(f"{file} is not a CSV file: {problem}, in the row that begins in line {number}.")


def _trim(text: str) -> str:
    # A second byte order mark stands where files were joined, no-break spaces where pages were copied from.
    return text.strip().strip("\ufeff\u200b").strip()
