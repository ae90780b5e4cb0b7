"""A grid of captioned faces as a PNG file."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from agelens.errors import AgeLensError
from agelens.reporting.figure_files import STYLE, save
from agelens.utils.images import Pixels

_COLUMNS = 8


def write_grid(faces: Sequence[tuple[Pixels, str]], path: Path) -> None:
    """Draw captioned faces in rows as a PNG file, atomically.

    Args:
        faces: uint8 RGB images (height, width, 3) with their captions; 32 of them fill the usual 4 rows of 8.
        path: the file to write; its folder is made.

    Raises:
        AgeLensError: there is no face to draw.
    """
    if not faces:
        raise AgeLensError(f"{path} was not written: there is no face to draw.")
    rows = -(-len(faces) // _COLUMNS)
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(1.4 * _COLUMNS, 1.75 * rows), layout="constrained")
        cells = canvas.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for cell in cells:
            cell.set_axis_off()
        for cell, (image, caption) in zip(cells, faces, strict=False):
            cell.imshow(image)
            cell.set_title(caption, fontsize=9)
        save(canvas, path)
