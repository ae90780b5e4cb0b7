"""Opening what a video comes from: a file, a camera, or an address, through PyAV, which carries FFmpeg."""

import re
import sys
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from agelens.errors import AgeLensError
from agelens.inference.addresses import hide_password
from agelens.utils.images import MAX_PIXELS, SUFFIXES

# How FFmpeg calls the cameras of a system.
_CAMERAS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
# FFmpeg plays text as if it were a terminal of 1990, and a photograph as a video of one frame.
_PATIENCE_SECONDS = 15
_NO_VIDEOS = re.compile(r"tty|image2|.*_pipe")


def is_camera(source: str) -> bool:
    """Whether a source names a camera: its number, ``/dev/video0``, or ``video=NAME`` on Windows."""
    return (source.isdigit() and not Path(source).exists()) or source.startswith(("/dev/video", "video="))


def open_file(name: str) -> InputContainer:
    path = Path(name)
    if not path.exists():
        raise AgeLensError(f"{name} does not exist; give a video file, or a camera as 0 or /dev/video0.")
    if path.is_dir():
        raise AgeLensError(f"{name} is a folder; give one video file.")
    try:
        # The prefix keeps FFmpeg from taking a colon in a name for a protocol.
        container = av.open(f"file:{name}")
    except PermissionError:
        raise AgeLensError(f"{name} may not be read; change its permissions.") from None
    except av.FFmpegError as error:
        raise AgeLensError(
            f"{name} is not a video that can be read, or its end is missing ({error.strerror}); copy it again, "
            "or convert it to MP4."
        ) from None
    if not _NO_VIDEOS.fullmatch(container.format.name):
        return container
    container.close()
    if path.suffix.lower() in SUFFIXES:
        raise AgeLensError(f"{name} is a photograph, not a video; give it without --video.")
    raise AgeLensError(f"{name} is not a video; give a file such as MP4, MOV, MKV or WebM.")


def open_camera(name: str) -> InputContainer:
    system = _CAMERAS.get(sys.platform)
    if system is None:
        raise AgeLensError(f"Cameras are not supported on {sys.platform}; give a video file.")
    device, options = name, {}
    if name.isdigit() and system == "v4l2":
        device = f"/dev/video{name}"
    elif name.isdigit() and system == "dshow":
        device = _windows_camera(int(name))
    elif system == "avfoundation":
        # FFmpeg's own choice, 29.97, is refused by most cameras of a Mac.
        options = {"framerate": "30"}
    try:
        return av.open(device, format=system, options=options)
    except av.FFmpegError as error:
        raise AgeLensError(
            f"The camera {name} cannot be opened ({error.strerror}); see that it is connected, that no other program "
            "uses it, and that this one may."
        ) from None


def open_address(name: str) -> InputContainer:
    """A stream or a file on a network."""
    shown = hide_password(name)
    # Cameras behind routers are reached by TCP alone; a server that is silent is given up.
    options = {"rtsp_flags": "prefer_tcp"} if name.lower().startswith("rtsp") else {}
    try:
        container = av.open(name, options=options, timeout=_PATIENCE_SECONDS)
    except av.ExitError:
        raise AgeLensError(
            f"{shown} did not answer within {_PATIENCE_SECONDS} seconds; see that the address is right."
        ) from None
    except av.FFmpegError as error:
        raise AgeLensError(
            f"{shown} cannot be opened ({error.strerror}); see that the address is right and leads to a video, and "
            "that this machine can reach it."
        ) from None
    if not _NO_VIDEOS.fullmatch(container.format.name):
        return container
    container.close()
    raise AgeLensError(f"{shown} is a picture or a text and not a video; give the address of a video.")


def _windows_camera(number: int) -> str:
    """DirectShow knows cameras by name only."""
    cameras = [one for one in av.enumerate_input_devices("dshow") if "video" in one.media_types]
    if number >= len(cameras):
        raise AgeLensError(f"There is no camera {number}; {len(cameras)} are connected, counted from 0.")
    return f"video={cameras[number].name}"


def find_stream(container: InputContainer, name: str) -> VideoStream:
    # The cover of a song is a stream of video as well.
    streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not streams:
        raise AgeLensError(f"{name} holds no video, only sound or text; give a file with pictures.")
    stream = streams[0]
    if stream.codec_context is None:
        raise AgeLensError(f"{name} is of a kind that cannot be decoded here; convert it to H.264 in MP4.")
    if stream.width * stream.height > MAX_PIXELS:
        raise AgeLensError(
            f"{name} has frames of {stream.width} x {stream.height} pixels, more than the limit of {MAX_PIXELS:,}; "
            "make them smaller."
        )
    return stream


def claimed_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the pictures of a file last by what it says; sound may last longer."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return None
