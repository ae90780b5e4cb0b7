from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image

from agelens.errors import AgeLensError
from agelens.study.annotations import export_annotations
from agelens.utils.files import read_json


def test_a_run_gives_labels_estimates_and_what_the_audit_found(study: Any, tmp_path: Path) -> None:
    written = export_annotations(study.folder, "fiftyone", tmp_path / "out")
    assert [file.name for file in written] == ["data.json", "ground_truth.json", "predictions.json"]
    paths = read_json(written[0])
    truth, estimated = (read_json(file)["labels"] for file in written[1:])
    assert len(paths) == read_json(study.folder / "audit.json")["usable"]
    assert all(Path(path).is_file() for path in paths.values())
    for key, path in paths.items():
        age, gender = Path(path).name.split("_")[:2]
        assert (truth[key][0]["attributes"]["age"], truth[key][0]["label"]) == (int(age), int(gender))
    # The test split alone was evaluated.
    tested = {key for key, labels in truth.items() if labels[0]["attributes"]["split"] == "test"}
    assert {key for key, found in estimated.items() if found} == tested
    issues = {labels[0]["attributes"].get("issues", "") for labels in truth.values()}
    assert any("near duplicate" in words for words in issues)


@pytest.mark.parametrize("name", ["found.csv", "found.jsonl"])
def test_a_file_of_estimates_gives_boxes(agelens: Callable[..., Any], tmp_path: Path, name: str) -> None:
    photo = tmp_path / "astronaut.png"
    Image.fromarray(skimage.data.astronaut()).save(photo)
    assert agelens("predict", photo, "--out", tmp_path / name).status == 0
    said = agelens("annotations", tmp_path / name, "--export", "labelstudio", "--out", tmp_path / "out")
    assert said.status == 0, said.err
    task = read_json(tmp_path / "out" / "tasks.json")[0]
    value = task["predictions"][0]["result"][0]["value"]
    assert 30 < value["x"] < 40
    assert 15 < value["width"] < 20
    assert (tmp_path / "out" / "interface.xml").is_file()


def test_anything_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="is no run"):
        export_annotations(tmp_path, "fiftyone", tmp_path / "out")
    with pytest.raises(AgeLensError, match="does not exist"):
        export_annotations(tmp_path / "none.csv", "fiftyone", tmp_path / "out")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(AgeLensError, match="no image that could be exported"):
        export_annotations(tmp_path / "empty.jsonl", "fiftyone", tmp_path / "out")
