"""Whether a study's images are face crops; looked at before networks learn from them."""

from agelens.data.table import digest_table
from agelens.detection.alignment import UTKFACE
from agelens.detection.detector import find_detector
from agelens.detection.framing import VERSION, refuse_scenes
from agelens.study.folder import StudyFolder
from agelens.utils.files import digest_json, read_json, write_json

FILE = "framing.json"
_WAY_OUT = (
    "Networks learn from aligned crops of one face each: name the source again in this command, and its faces are "
    "found and aligned, as 'agelens align' does, or take the images as they are with --crops-as-they-are."
)


def check_crops(run: StudyFolder) -> None:
    """Look at a sample of a run's images with the detector, once for a table, and keep what was seen.

    Raises:
        AgeLensError: they are whole photographs, and nobody said that they are to be taken as they are.
    """
    # Faces that the program drew are crops, and looking at them would take a second.
    if run.crops_as_they_are or run.config.get("synthetic"):
        return
    fingerprint = digest_json({"version": VERSION, "table": digest_table(run.table)})
    file = run.folder / FILE
    if file.exists() and read_json(file).get("fingerprint") == fingerprint:
        return
    seen = refuse_scenes(run.table["path"].tolist(), find_detector(), UTKFACE, _WAY_OUT)
    write_json(file, {"fingerprint": fingerprint, "images": seen.images, "found": seen.found, "unlike": seen.unlike,
                      "size": round(seen.size, 3)})  # fmt: skip
