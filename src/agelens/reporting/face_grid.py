"""A grid of captioned faces as a PNG file."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from agelens.errors import AgeLensError
from agelens.reporting.figure_files import STYLE, save
from agelens.utils.images import Pixels


def write_grid(faces: Sequence[tuple[Pixels, str]], path: Path, columns: int = 8) -> None:
    """Draw captioned faces in rows as a PNG file, atomically.

    Args:
        faces: uint8 RGB images (height, width, 3) with their captions; 32 of them fill the usual 4 rows of 8.
        path: the file to write; its folder is made.
        columns: faces a row.

    Raises:
        AgeLensError: there is no face to draw.
    """
    if not faces:
        raise AgeLensError(f"{path} was not written: there is no face to draw.")
    rows = -(-len(faces) // columns)
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(1.4 * columns, 1.75 * rows), layout="constrained")
        cells = canvas.subplots(rows, columns, squeeze=False).ravel()
        for cell in cells:
            cell.set_axis_off()
        for cell, (image, caption) in zip(cells, faces, strict=False):
            cell.imshow(image)
            cell.set_title(caption, fontsize=9)
        save(canvas, path)
