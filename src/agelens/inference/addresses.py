"""Addresses of pictures and videos on a network; needs nothing that opens them."""

import os
import re
from pathlib import Path

VIDEO_SUFFIXES = frozenset(
    {
        ".3gp", ".avi", ".flv", ".m2ts", ".m3u8", ".m4v", ".mkv", ".mov", ".mp4", ".mpd", ".mpeg", ".mpg",
        ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv",
    }
)  # fmt: skip
# A path has lost one of the two slashes; one letter alone is a drive of Windows.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)", re.IGNORECASE)
# These carry what happens now, and nothing else.
_LIVE = frozenset({"rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "udp"})
_OF_VIDEOS = _LIVE | {"http", "https"}


def read_address(text: str) -> tuple[str, str] | None:
    """Scheme (small letters) and the whole address where a text is one, also a path that was made of one."""
    found = _ADDRESS.fullmatch(text)
    return (found[1].lower(), f"{found[1].lower()}://{found[2]}") if found else None


def address_of(path: str) -> str | None:
    """The address of a photograph that fsspec opens; None where a text is none, and where a file has that name."""
    address = read_address(path)
    if address is None or address[0] in _LIVE or os.path.exists(path):  # noqa: PTH110  (names of any length)
        return None
    # Of the three slashes a path keeps one.
    return f"file:///{address[1].partition('://')[2]}" if address[0] == "file" else address[1]


def name_of(path: str | os.PathLike[str]) -> str:
    """What a photograph is called: its address, also where it comes as the path that was made of one, or its path."""
    text = os.fsdecode(path)
    return address_of(text) or text


def is_address(source: str) -> bool:
    """Whether a source of a video is an address that FFmpeg opens."""
    address = read_address(source)
    return address is not None and address[0] in _OF_VIDEOS and "://" in source


def is_live(source: str) -> bool:
    """Whether an address carries what happens now."""
    address = read_address(source)
    return address is not None and address[0] in _LIVE


def names_video(text: str) -> bool:
    """Whether an address is surely that of a video: by how it is carried, or by its ending."""
    address = read_address(text)
    if address is None:
        return False
    ending = Path(re.split(r"[?#]", address[1])[0]).suffix.lower()
    return address[0] in _LIVE or ending in VIDEO_SUFFIXES


def hide_password(address: str) -> str:
    """An address as it may be shown: cameras are often named with their passwords."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", address)
