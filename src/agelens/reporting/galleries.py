"""The gallery of contradictions: one HTML page with each pair of duplicates whose labels differ."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from PIL import Image

from agelens.data.audit import Audit, Label, Pair, file_names, named_paths
from agelens.data.labels import GENDERS
from agelens.data.picture_quality import PictureQuality
from agelens.errors import ImageError
from agelens.reporting.pages import render_page
from agelens.reporting.thumbnails import encode_jpeg
from agelens.utils.files import write_text
from agelens.utils.images import read_rgb

SHOWN = 1000
# The kinds of `Pair`, as the page calls them.
KINDS = {
    "same file": "One file, listed twice",
    "identical": "Identical files",
    "near": "Near duplicates",
    "mirrored": "Mirrored",
}
_SIDE = 160
_QUALITY = 80


def write_gallery(
    audit: Audit, table: pd.DataFrame, path: Path, quality: PictureQuality | None = None
) -> None:
    """Write the label conflicts of an audit as one self-contained HTML page, atomically.

    The page holds thumbnails of the photographs and so belongs on the disk of the person who may see them.
    Pairs of different genders come first, then the widest age gaps; the first SHOWN of them are shown, 50 a page, and
    can be filtered by what differs and by the kind of duplicate.

    Args:
        audit: what `agelens.data.audit.audit` found.
        table: the face table that was audited; images that are gone since then are shown as missing.
        path: the .html file; its folder is made.
        quality: which pictures are dark, blurry and so on; None where nobody looked.
    """
    conflicts = sorted((pair for pair in audit.pairs if _contradicts(pair)), key=_worst_first)
    shown = conflicts[:SHOWN]
    path_of = dict(zip(file_names(named_paths(table), audit.source), table["path"], strict=True))
    wanted = sorted({name for pair in shown for name in (pair.a, pair.b)})
    with ThreadPoolExecutor() as threads:
        thumbnails = list(threads.map(lambda name: _thumbnail(path_of.get(name)), wanted))
    context = {
        "conflicts": len(conflicts),
        "counts": _counts(conflicts),
        "shown": shown,
        "labels": [(label, f"different {label}") for label in ("age", "gender")],
        "kinds": [(kind, name) for kind, name in KINDS.items() if any(pair.kind == kind for pair in shown)],
        "kind_names": KINDS,
        "gender_names": GENDERS,
        "quality": quality and quality.to_json(),
        "thumbnail_of": dict(zip(wanted, thumbnails, strict=True)),
        "image_size": _SIDE,
    }
    write_text(path, render_page("gallery.html.j2", context))


def _counts(conflicts: list[Pair]) -> list[tuple[str, int]]:
    """How many of the pairs differ in what, and how many are of which kind."""
    labels: tuple[Label, ...] = ("age", "gender")
    counts = [(f"differ in {label}", sum(pair.disagrees(label) for pair in conflicts)) for label in labels]
    counts += [(name.lower(), sum(pair.kind == kind for pair in conflicts)) for kind, name in KINDS.items()]
    return [(told, count) for told, count in counts if count]


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
    return encode_jpeg(image, _QUALITY)
