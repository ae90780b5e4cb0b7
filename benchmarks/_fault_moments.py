"""Trials at random moments: SIGKILL, a full disk, a removed folder, two programs on one folder, flipped bits."""

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from _fault_work import Work
from _faults import Count, agelens, finish, kill, partials, start

Chance = np.random.Generator
# Cached or kept files whose bits are flipped, by a pattern within a command's place.
_KEPT = {
    "run": (
        "cache/features/*/rows.bin", "cache/features/*/digests.txt", "cache/features/*/key.json",
        "cache/networks/*/backbone.bin", "cache/networks/*/backbone.xml", "run/table.csv", "run/audit.json",
        "run/config.json", "run/comparison.json", "run/evaluation.json", "run/predictions.csv", "run/age/network.onnx",
        "run/age/card.json", "run/age/training_images.csv", "run/age/SHA256SUMS", "run/training/age/*",
        "run/exploration.json", "run/comparison/*",
    ),
    "train": ("run/table.csv", "run/config.json", "run/training/age/*"),
    "predict": ("found.csv", ".found.csv*"),
    "align": ("aligned/crops/aligned.jsonl", "aligned/crops/[0-3]*.jpg", "aligned/*.csv"),
}  # fmt: skip


def same(work: Work, place: Path, expected: Any) -> bool | None:
    """Whether a place holds the result that is expected; None where it holds none."""
    try:
        return bool(work.result(place) == expected)
    except (OSError, ValueError, KeyError):
        return None


def killed(work: Work, place: Path, expected: Any, seconds: float, moments: int, chance: Chance) -> Count:
    """SIGKILL at random moments; then the same command goes on, and nothing half-written is left."""
    count = Count(f"{work.name}: SIGKILL")
    for _ in range(moments):
        arguments = work.arguments(work.begin(place))
        moment = float(chance.uniform(0, seconds))
        agelens(arguments, kill_after=moment)
        after = agelens(arguments)
        equal = same(work, place, expected)
        if after.status == 0 and partials(place):
            equal = False
        count.add(f"after {moment:.2f} s", [after], equal if equal is not None else False)
    return count


def removed(work: Work, place: Path, expected: Any, seconds: float, moments: int, chance: Chance) -> Count:
    """The folder is removed at random moments; then the same command begins again."""
    count = Count(f"{work.name}: folder removed")
    for _ in range(moments):
        arguments = work.arguments(work.begin(place))
        moment = float(chance.uniform(0, seconds))
        first = agelens(
            arguments, kill_after=moment, meanwhile=lambda: shutil.rmtree(place, ignore_errors=True)
        )
        after = agelens(work.arguments(work.begin(place)))
        count.add(f"after {moment:.2f} s", [first, after], same(work, place, expected))
    return count


def full_disk(work: Work, place: Path, expected: Any, moments: int, chance: Chance) -> Count:
    """The disk is full at a random size; with room again the same command goes on.

    Where no disk can be mounted, no file may become larger than a size instead (RLIMIT_FSIZE).
    """
    used = max(_used(place), 4096)
    count = Count(f"{work.name}: full disk")
    for _ in range(moments):
        size = int(chance.uniform(0.02, 0.98) * used)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        mounted = _mount(place, size)
        try:
            try:
                work.prepare(place)
            except OSError:
                # Not even what the command begins from finds room.
                continue
            arguments = work.arguments(place)
            first = agelens(arguments, file_bytes=None if mounted else max(4096, size // 4))
            if mounted:
                subprocess.run(["mount", "-o", "remount,size=2g", place], check=True)
            after = agelens(arguments)
            count.add(f"{size:,} bytes", [first, after], same(work, place, expected))
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", place], check=True)
    return count


def _used(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _mount(place: Path, size: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={max(size, 4096)}", "tmpfs", str(place)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def two_at_once(work: Work, place: Path, expected: Any, moments: int, chance: Chance) -> Count:
    """The same command twice on one folder, begun up to two seconds apart; what is left over goes on afterwards."""
    count = Count(f"{work.name}: two on one folder")
    for _ in range(moments):
        arguments = work.arguments(work.begin(place))
        began = time.perf_counter()
        both = [start(arguments)]
        time.sleep(float(chance.uniform(0, 2)))
        both.append(start(arguments))
        try:
            ends = [finish(one, began) for one in both]
        finally:
            for one in both:
                if one.poll() is None:
                    kill(one)
        if not any(one.status == 0 for one in ends):
            ends.append(agelens(arguments))
        # Whichever ended well last: the other may have been refused.
        ends.sort(key=lambda one: one.status == 0)
        count.add("", ends, same(work, place, expected))
    return count


def flipped_compiled(work: Work, place: Path, expected: Any, compiled: Path, chance: Chance) -> Count:
    """One flipped bit in each file of the cache of compiled networks, outside the command's place; then it runs."""
    count = Count(f"{work.name}: bit of {compiled.name}/*")
    for file in sorted(compiled.iterdir()):
        whole = file.read_bytes()
        bit = int(chance.integers(8 * len(whole)))
        file.write_bytes(_flip(whole, bit))
        after = agelens(work.arguments(work.begin(place)))
        count.add(f"{file.name} bit {bit}", [after], same(work, place, expected))
        file.write_bytes(whole)
    return count


def _flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flipped(work: Work, place: Path, expected: Any, chance: Chance) -> list[Count]:
    """One flipped bit in each kind of kept file of a finished command; then the command is given again."""
    counts = []
    for pattern in _KEPT.get(work.name, ()):
        count = Count(
            f"{work.name}: bit of {pattern.rpartition('/')[2] if '*' not in pattern[-2:] else pattern}"
        )
        kept = place.with_name("finished")
        if not kept.exists():
            agelens(work.arguments(work.begin(place)))
            shutil.copytree(place, kept)
        for file in sorted(kept.glob(pattern)):
            if not file.is_file() or not file.stat().st_size:
                continue
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(kept, place)
            target = place / file.relative_to(kept)
            data = target.read_bytes()
            bit = int(chance.integers(8 * len(data)))
            target.write_bytes(_flip(data, bit))
            # What was made from it is made again; the file itself is what the command goes on from.
            for made in ("comparison.json", "evaluation.json"):
                if made not in pattern and "cache" in pattern:
                    (place / "run" / made).unlink(missing_ok=True)
            if "training" in pattern:
                # Without its bundle the training is gone on from.
                shutil.rmtree(place / "run" / "age", ignore_errors=True)
            after = agelens(work.arguments(place))
            # A flipped label in a table that is text is another table: it counts as told where the command says so.
            count.add(f"{target.name} bit {bit}", [after], same(work, place, expected))
        if count.tried:
            counts.append(count)
    shutil.rmtree(place.with_name("finished"), ignore_errors=True)
    return counts
