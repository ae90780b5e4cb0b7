from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from agelens.inference.annotation_formats import (
    INTERFACE,
    WHOLE,
    Annotated,
    Region,
    to_fiftyone,
    to_labelstudio,
)

IMAGES = (
    Annotated(
        Path("/faces/a b.jpg"),
        labels=(Region(WHOLE, 30, 1, None, (("race", "Asian"),)),),
        predictions=(Region(WHOLE, 33.0, 0, 0.75, (("age_low", 25.0),)),),
        issues=("blurry", "near duplicate"),
    ),
    Annotated(
        Path("/faces/c.jpg"),
        predictions=(Region((0.1, 0.2, 0.3, 0.4), 8.0, 1, 0.9), Region((0.5, 0.5, 0.25, 0.25), 60.0)),
        size=(200, 100),
    ),
    Annotated(Path("/faces/d.jpg")),
)


def check_fiftyone(files: dict[str, Any]) -> None:
    """What FiftyOneImageDetectionDataset asks for of its files."""
    paths = files["data.json"]
    assert all(isinstance(path, str) and Path(path).is_absolute() for path in paths.values())
    for name, content in files.items():
        if name == "data.json":
            continue
        assert set(content) == {"classes", "labels"}
        assert set(content["labels"]) <= set(paths)
        for detection in (one for found in content["labels"].values() for one in found):
            assert set(detection) - {"confidence"} == {"label", "bounding_box", "attributes"}
            assert 0 <= detection["label"] < len(content["classes"])
            left, top, width, height = detection["bounding_box"]
            assert min(left, top) >= 0
            assert max(left + width, top + height) <= 1
            assert all(isinstance(value, str | int | float) for value in detection["attributes"].values())


def check_labelstudio(tasks: list[dict[str, Any]], interface: str) -> None:
    """What Label Studio asks for of tasks: each result fits a control of the interface by name, object and type."""
    root = ElementTree.fromstring(interface)
    controls = {one.get("name"): one for one in root.iter() if one.get("toName")}
    objects = {one.get("name"): one for one in root.iter() if one.get("value", "").startswith("$")}
    for task in tasks:
        assert {one.get("value", "")[1:] for one in objects.values()} <= set(task["data"])
        for made in [*task.get("annotations", []), *task.get("predictions", [])]:
            for result in made["result"]:
                control = controls[result["from_name"]]
                assert result["type"] == control.tag.lower()
                assert result["to_name"] == control.get("toName")
                assert result["to_name"] in objects
                value = result["value"][result["type"]]
                if result["type"] != "number":
                    choices = {one.get("value") for one in control}
                    assert set(value) <= choices
                assert all(0 <= result["value"][side] <= 100 for side in ("x", "y", "width", "height"))


def test_fiftyone_reads_labels_and_estimates_as_two_fields() -> None:
    files = to_fiftyone(IMAGES)
    check_fiftyone(files)
    assert set(files) == {"data.json", "ground_truth.json", "predictions.json"}
    truth, estimated = files["ground_truth.json"]["labels"], files["predictions.json"]["labels"]
    assert truth["000000"] == [
        {
            "label": 1,
            "bounding_box": [0, 0, 1, 1],
            "attributes": {"age": 30, "race": "Asian", "issues": "blurry, near duplicate"},
        }
    ]
    assert truth["000002"] == []
    assert estimated["000001"][0]["confidence"] == 0.9
    assert files["predictions.json"]["classes"][estimated["000001"][1]["label"]] == "face"


def test_a_field_that_nothing_has_is_left_out() -> None:
    assert set(to_fiftyone(IMAGES[1:])) == {"data.json", "predictions.json"}


def test_label_studio_reads_the_tasks() -> None:
    tasks = to_labelstudio(IMAGES, "agelens")
    check_labelstudio(tasks, INTERFACE)
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=faces/a%20b.jpg"
    assert tasks[0]["data"]["issues"] == "blurry, near duplicate"
    first, second = tasks[0]["annotations"][0]["result"], tasks[1]["predictions"][0]
    assert [one["value"].get("number") for one in first] == [None, 30, None]
    assert second["model_version"] == "agelens"
    assert second["score"] == 0.9
    assert second["result"][0]["value"]["x"] == pytest.approx(10)
    assert second["result"][0]["original_width"] == 200
    # One face is held together by its id.
    assert [one["id"] for one in second["result"]] == ["face1"] * 3 + ["face2"] * 2
    assert "annotations" not in tasks[2]
    assert "predictions" not in tasks[2]
