"""What FiftyOne and Label Studio read: labels and estimates of faces as their own JSON.

FiftyOne: the dataset type ``FiftyOneImageDetectionDataset`` (https://docs.voxel51.com/user_guide/import_datasets.html),
with a manifest of the images where they lie, ``data.json``, and one file of labels for each field. Label Studio: tasks
with annotations and predictions (https://labelstud.io/guide/task_format), and the labelling interface that they fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agelens.utils.ages import OLDEST

# As in the face table: 0 and 1.
CLASSES = ("male", "female")
UNKNOWN = "face"
WHOLE = (0.0, 0.0, 1.0, 1.0)
INTERFACE = f"""<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="face" toName="image"><Label value="face"/></RectangleLabels>
  <Number name="age" toName="image" perRegion="true" min="0" max="{OLDEST}"/>
  <Choices name="gender" toName="image" perRegion="true">
    <Choice value="male"/><Choice value="female"/>
  </Choices>
</View>
"""


@dataclass(frozen=True)
class Region:
    """A face with what is labelled or estimated of it.

    Attributes:
        box: left, top, width and height in shares of the image, 0 to 1; WHOLE for a face crop.
        age: years, or None.
        gender: 0 male, 1 female, or None.
        confidence: of the gender, 0.5 to 1, or None for a label.
        attributes: anything else that is worth a column, by name.
    """

    box: tuple[float, float, float, float]
    age: float | None = None
    gender: int | None = None
    confidence: float | None = None
    attributes: tuple[tuple[str, str | float], ...] = ()


@dataclass(frozen=True)
class Annotated:
    """An image with its labelled and its estimated faces.

    Attributes:
        path: absolute.
        labels: faces as labelled. predictions: faces as estimated. Either may be empty.
        issues: what an audit found, in words such as "blurry".
        size: width and height in pixels, where they are known.
    """

    path: Path
    labels: tuple[Region, ...] = ()
    predictions: tuple[Region, ...] = ()
    issues: tuple[str, ...] = ()
    size: tuple[int, int] | None = None


def to_fiftyone(images: Sequence[Annotated]) -> dict[str, Any]:
    """The files of a FiftyOne dataset by name: ``data.json``, and ``ground_truth.json`` and ``predictions.json``.

    A field that no image has is left out. Images are called by their numbers, for names need not be unique.
    """
    keys = [f"{number:06d}" for number in range(len(images))]
    files: dict[str, Any] = {"data.json": {key: str(one.path) for key, one in zip(keys, images, strict=True)}}
    for name, field in (("ground_truth.json", "labels"), ("predictions.json", "predictions")):
        if any(getattr(one, field) for one in images):
            detections = {
                key: [_detection(region, one.issues) for region in getattr(one, field)]
                for key, one in zip(keys, images, strict=True)
            }
            files[name] = {"classes": [*CLASSES, UNKNOWN], "labels": detections}
    return files


def _detection(region: Region, issues: tuple[str, ...]) -> dict[str, Any]:
    attributes: dict[str, Any] = {} if region.age is None else {"age": region.age}
    attributes |= dict(region.attributes)
    if issues:
        attributes["issues"] = ", ".join(issues)
    confidence = {} if region.confidence is None else {"confidence": region.confidence}
    return {
        "label": len(CLASSES) if region.gender is None else region.gender,
        "bounding_box": list(region.box),
        **confidence,
        "attributes": attributes,
    }


def to_labelstudio(images: Sequence[Annotated], model: str) -> list[dict[str, Any]]:
    """The tasks of a Label Studio project whose interface is INTERFACE.

    Images are named as its local files, below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=/.

    Args:
        model: which networks estimated.
    """
    return [_task(one, model) for one in images]


def _task(image: Annotated, model: str) -> dict[str, Any]:
    local = quote(image.path.as_posix().lstrip("/"))
    task: dict[str, Any] = {
        "data": {"image": f"/data/local-files/?d={local}", "issues": ", ".join(image.issues)}
    }
    if image.labels:
        task["annotations"] = [{"result": _results(image.labels, image.size)}]
    if image.predictions:
        scores = [one.confidence for one in image.predictions if one.confidence is not None]
        score = {"score": min(scores)} if scores else {}
        results = _results(image.predictions, image.size)
        task["predictions"] = [{"model_version": model, **score, "result": results}]
    return task


def _results(regions: Sequence[Region], size: tuple[int, int] | None) -> list[dict[str, Any]]:
    """Of each region its rectangle, age and gender, held together by their id; places are percents of the image."""
    results = []
    for number, region in enumerate(regions, 1):
        place = dict(zip(("x", "y", "width", "height"), (100 * share for share in region.box), strict=True))
        shared: dict[str, Any] = {"id": f"face{number}", "to_name": "image"}
        if size is not None:
            shared |= {"original_width": size[0], "original_height": size[1]}
        values: list[tuple[str, str, Any]] = [("face", "rectanglelabels", ["face"])]
        if region.age is not None:
            values.append(("age", "number", region.age))
        if region.gender is not None:
            values.append(("gender", "choices", [CLASSES[region.gender]]))
        results += [
            {**shared, "from_name": name, "type": kind, "value": {**place, "rotation": 0, kind: value}}
            for name, kind, value in values
        ]
    return results
