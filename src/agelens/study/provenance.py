"""What the card of a network says of the images it was made from."""

from agelens.study.folder import Run
from agelens.study.origin import source_title

UTKFACE_LICENCE = "UTKFace: non-commercial research only"
UTKFACE_ABOUT = (
    "Labels of age in UTKFace were partly guessed by an algorithm and corrected by people, so part of the error is "
    "theirs. Its crops are frontal and tight; profiles, masks and blur were not measured."
)
SYNTHETIC_LICENCE = "synthetic faces by AgeLens: nobody in these pictures exists"


def source_name(run: Run) -> str:
    """The last part of the source's path: a card is handed on, and paths are nobody's business."""
    return source_title(run.config["source"])


def licence(run: Run) -> str:
    """What the images may be used for."""
    if run.config.get("synthetic"):
        return SYNTHETIC_LICENCE
    return UTKFACE_LICENCE if _is_utkface(run) else "as the source of the images says"


def about(run: Run) -> str:
    """What is known of the labels and the crops of this source."""
    return UTKFACE_ABOUT if _is_utkface(run) else ""


def _is_utkface(run: Run) -> bool:
    """Whether all files are named as UTKFace's are."""
    return not run.config.get("synthetic") and bool((run.table["taken_at"] != "").all())
