"""How the numbers of a video mean colours, so that frames are read and written with the same meaning.

Numbers are those of ITU-T H.273. A video that does not say is taken as players take it: BT.709 from high definition
on, and BT.601 below.
"""

from dataclasses import dataclass

import av
from av.video.reformatter import ColorRange, Colorspace

_UNSPECIFIED = 2
_BT709, _BT601_625, _BT601_525, _BT2020 = 1, 5, 6, 9
# Matrix coefficients that FFmpeg converts, with its own number for each.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
# Primaries that belong to matrix coefficients, where a video says no other.
_PRIMARIES = {4: 4, 5: 5, 6: 6, 7: 7, 9: 9}
_TRANSFERS = {5: 6, 6: 6, 7: 7}


@dataclass(frozen=True)
class Colours:
    """What the colours of a video mean: matrix coefficients, primaries and transfer characteristics (H.273)."""

    matrix: int = _BT709
    primaries: int = _BT709
    transfer: int = _BT709

    @property
    def colorspace(self) -> Colorspace:
        """The matrix for FFmpeg's conversions."""
        return _MATRICES[self.matrix]


BT709 = Colours()


def colours_of(frame: av.VideoFrame) -> Colours:
    """What the colours of a decoded frame mean; what it does not say is what is usual for such a frame."""
    matrix = int(frame.colorspace)
    if frame.format.is_rgb:
        matrix = _BT709
    elif matrix == _UNSPECIFIED:
        large = frame.width >= 1280 or frame.height > 576
        matrix = _BT709 if large else _BT601_625 if frame.height == 576 else _BT601_525
    elif matrix not in _MATRICES:
        matrix = _BT2020 if matrix == _BT2020 + 1 else _BT709
    primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
    # JPEG, which cameras give, has the matrix of BT.601 and the primaries of screens.
    usual = _BT709 if frame.color_range == ColorRange.JPEG else _PRIMARIES.get(matrix, _BT709)
    curve = _BT709 if frame.color_range == ColorRange.JPEG else _TRANSFERS.get(matrix, _BT709)
    return Colours(
        matrix,
        usual if primaries in (0, _UNSPECIFIED) else primaries,
        curve if transfer in (0, _UNSPECIFIED) else transfer,
    )


def source_matrix(frame: av.VideoFrame) -> Colorspace | None:
    """The matrix to read a frame with where it does not say itself, else None."""
    if frame.format.is_rgb or int(frame.colorspace) != _UNSPECIFIED:
        return None
    return colours_of(frame).colorspace


def tag(target: av.VideoCodecContext | av.VideoFrame, colours: Colours) -> None:
    """Write into a frame or an encoder what its colours mean; levels are those of television, 16 to 235."""
    target.colorspace = colours.matrix
    target.color_primaries = colours.primaries
    target.color_trc = colours.transfer
    target.color_range = ColorRange.MPEG
