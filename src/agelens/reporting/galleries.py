"""The gallery of contradictions: one HTML page with each pair of duplicates whose labels differ."""

import base64
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from PIL import Image

from agelens.data.audit import Audit, Pair, file_names, named_paths
from agelens.data.labels import GENDERS
from agelens.errors import ImageError
from agelens.utils.files import write_text
from agelens.utils.images import read_rgb

SHOWN = 500
_SIDE = 160
_QUALITY = 80


def write_gallery(audit: Audit, table: pd.DataFrame, path: Path) -> None:
    """Write the label conflicts of an audit as one self-contained HTML page, atomically.

    The page holds thumbnails of the photographs and so belongs on the disk of the person who may see them.
    Pairs of different genders come first, then the widest age gaps; the first SHOWN of them are shown.

    Args:
        audit: what `agelens.data.audit.audit` found.
        table: the face table that was audited; images that are gone since then are shown as missing.
        path: the .html file; its folder is made.
    """
    conflicts = sorted((pair for pair in audit.pairs if _contradicts(pair)), key=_worst_first)
    shown = conflicts[:SHOWN]
    path_of = dict(zip(file_names(named_paths(table), audit.source), table["path"], strict=True))
    wanted = sorted({name for pair in shown for name in (pair.a, pair.b)})
    with ThreadPoolExecutor() as threads:
        thumbnails = list(threads.map(lambda name: _thumbnail(path_of.get(name)), wanted))
    html = _template()(
        ages=len(audit.conflicts("age")),
        genders=len(audit.conflicts("gender")),
        conflicts=len(conflicts),
        shown=shown,
        gender_names=GENDERS,
        thumbnail_of=dict(zip(wanted, thumbnails, strict=True)),
        image_size=_SIDE,
    )
    write_text(path, html)


def _contradicts(pair: Pair) -> bool:
    return pair.disagrees("age") or pair.disagrees("gender")


def _worst_first(pair: Pair) -> tuple[bool, int, str, str]:
    return (not pair.disagrees("gender"), -(pair.years_apart or 0), pair.a, pair.b)


def _thumbnail(path: str | None) -> str:
    """A small JPEG as base64, or "" where the image is gone."""
    if path is None:
        return ""
    try:
        image = Image.fromarray(read_rgb(Path(path), min_side=_SIDE))
    except ImageError:
        return ""
    image.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _template() -> Callable[..., str]:
    text = resources.files("agelens.reporting").joinpath("gallery.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text).render
