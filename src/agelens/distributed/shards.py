"""The folder that a job fills: a plan of shards, and one Parquet file for each shard that is finished.

A shard is a fixed part of the list of photographs and has a fixed name, and its file is written whole or not at all.
So finished shards are the markers of a job: one that was killed goes on with those that are missing, and a worker that
outlives it writes the same file again, so that no photograph stands twice.
"""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agelens.errors import AgeLensError
from agelens.utils.files import PARTIAL, digest_json

_PLAN, _COUNTS = "_plan.json", "_counts.json"
_METADATA = b"agelens.counts"


@dataclass(frozen=True)
class Counts:
    """What became of photographs.

    Attributes:
        photographs: how many there were; the sum of the three that follow.
        found: with a face at least. none: without a face. failed: that could not be read.
        faces: in all of them.
    """

    photographs: int = 0
    found: int = 0
    none: int = 0
    failed: int = 0
    faces: int = 0

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """Return the counts of a table of `agelens.inference.parquet.SCHEMA`."""
        lengths = pc.list_value_length(table.column("faces")).drop_null()
        found = pc.sum(pc.greater(lengths, 0)).as_py() or 0
        return cls(
            len(table), found, len(lengths) - found, len(table) - len(lengths), pc.sum(lengths).as_py() or 0
        )

    def __add__(self, other: "Counts") -> "Counts":
        mine, its = vars(self), vars(other)
        return Counts(**{name: mine[name] + its[name] for name in mine})

    def __str__(self) -> str:
        return (
            f"{self.photographs:,} photographs: {self.found:,} with {self.faces:,} faces, {self.none:,} without a "
            f"face, {self.failed:,} that could not be read"
        )


class ShardFolder:
    """The folder of a job, on a disk or behind an address that all workers reach.

    Args:
        place: a path or an address such as ``s3://bucket/faces``.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._system, self._path = fsspec.core.url_to_fs(place)
        self._local = "file" in self._system.protocol

    def begin(self, photographs: list[str], shard_size: int, fingerprint: dict[str, Any]) -> int:
        """Make the folder, or take up one that was begun with the same photographs and options.

        Returns:
            photographs of a shard: as it was begun.

        Raises:
            AgeLensError: it was begun with others, or holds what is not of a job.
        """
        plan = {"list": digest_json(photographs), "fingerprint": fingerprint}
        if self._system.exists(self._at(_PLAN)):
            begun = json.loads(self._system.cat_file(self._at(_PLAN)))
            for key, word in (
                ("list", "other photographs"),
                ("fingerprint", "another network or other options"),
            ):
                if begun[key] != plan[key]:
                    raise AgeLensError(f"{self.place} was begun with {word}; give another --out.")
            return int(begun["shard_size"])
        if self._system.exists(self._path) and self._system.ls(self._path):
            raise AgeLensError(f"{self.place} holds something else; give another --out.")
        self._write(_PLAN, json.dumps({**plan, "shard_size": shard_size}).encode())
        return shard_size

    def is_begun(self) -> bool:
        """Return whether a job has been begun here."""
        return bool(self._system.exists(self._at(_PLAN)))

    def forget_plan(self) -> None:
        """Take back what `begin` wrote."""
        self._system.rm_file(self._at(_PLAN))

    def finished(self) -> set[int]:
        """Return the numbers of the shards that are finished."""
        names = (name.rpartition("/")[2] for name in self._system.glob(f"{self._path}/part-*.parquet"))
        return {int(name.removeprefix("part-").removesuffix(".parquet")) for name in names}

    def write(self, number: int, table: pa.Table) -> Counts:
        """Write a finished shard, whole or not at all, and return its counts, which it also holds."""
        counts = Counts.of(table)
        known = {**(table.schema.metadata or {}), _METADATA: json.dumps(vars(counts))}
        content = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(known), content, compression="zstd")
        self._write(name_of_shard(number), content.getvalue())
        return counts

    def count(self, number: int) -> Counts:
        """Return the counts of a finished shard, from its file's own footer."""
        with self._system.open(self._at(name_of_shard(number)), "rb") as file:
            return Counts(**json.loads(pq.read_metadata(file).metadata[_METADATA]))

    def finish(self, shards: int) -> Counts:
        """Add up the counts of all shards, and keep them beside these."""
        total = sum(map(self.count, range(shards)), Counts())
        self._write(_COUNTS, json.dumps(vars(total)).encode())
        return total

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _write(self, name: str, content: bytes) -> None:
        # Object stores show a file when it is whole; a disk shows it as it grows.
        if not self._local:
            self._system.pipe_file(self._at(name), content)
            return
        self._system.makedirs(self._path, exist_ok=True)
        temporary = self._at(f"{PARTIAL}{name}.{os.getpid()}")
        with self._system.open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._at(name))  # noqa: PTH105


def name_of_shard(number: int) -> str:
    """Return the name of the file of a shard."""
    return f"part-{number:08}.parquet"


def cut(photographs: list[str], size: int, finished: set[int]) -> Iterator[dict[str, Any]]:
    """Return the shards that are not finished: a number, and the photographs of each."""
    for number, start in enumerate(range(0, len(photographs), size)):
        if number not in finished:
            yield {"shard": number, "paths": photographs[start : start + size]}
