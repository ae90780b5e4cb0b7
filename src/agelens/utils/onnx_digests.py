"""ONNX files whose weights lie in other files beside them: which these are, told without the package onnx.

A tensor may say that its numbers are outside, in a file that it names. Whoever looks at the ONNX file alone does not
see them change.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.utils.files import digest_file, digest_json

# The parts of ONNX's messages that lead to tensors, by the numbers of their fields (onnx.proto, the same since 2019).
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1


def external_files(network: bytes) -> list[str]:
    """The files that hold weights of an ONNX network, as it names them; none where all are inside, or it is no ONNX."""
    # Each tensor that lies outside says so with this word.
    if b"location" not in network:
        return []
    try:
        return sorted(set(_outside(memoryview(network), "model")))
    except (ValueError, IndexError, RecursionError):
        # Damaged, or nested deeper than protobuf reads: whoever reads it as a network will say so.
        return []


def digest_network(path: Path) -> str:
    """What stands for the content of a network's file, and of the files that it keeps weights in.

    Returns:
        SHA-256, of the file itself where it holds all.

    Raises:
        AgeLensError: a file with weights is missing, or lies elsewhere than beside the network.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    names = external_files(data) if path.suffix.lower() == ".onnx" else []
    if not names:
        return digest
    parts = {}
    for name in names:
        file = path.parent / name
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise AgeLensError(
                f"{path} takes weights from {name}, which is not in its own folder; put it there."
            )
        if not file.is_file():
            raise AgeLensError(f"{path} keeps weights in {file}, which does not exist; copy it too.")
        parts[name] = digest_file(file)
    return digest_json([digest, parts])


def _outside(message: memoryview, kind: str) -> Iterator[str]:
    """The names of the files that the tensors in a message lie in."""
    if kind == "tensor":
        fields = list(_fields(message))
        if any(number == _DATA_LOCATION and value == _EXTERNAL for number, value in fields):
            entries = [value for number, value in fields if number == _EXTERNAL_DATA]
            pairs = [dict(_fields(entry)) for entry in entries if isinstance(entry, memoryview)]
            yield next((_text(pair.get(2)) for pair in pairs if _text(pair.get(1)) == "location"), "")
        return
    inside = _INSIDE[kind]
    for number, value in _fields(message):
        if number in inside and isinstance(value, memoryview):
            yield from _outside(value, inside[number])


def _text(value: "memoryview | int | None") -> str:
    return bytes(value).decode("utf-8", errors="replace") if isinstance(value, memoryview) else ""


def _fields(message: memoryview) -> Iterator[tuple[int, "memoryview | int"]]:
    """The fields of a protobuf message: a number and its value, as an integer or as bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"there is no wire type {wire}")
        if at + length > len(message):
            raise ValueError("a field is cut off")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
