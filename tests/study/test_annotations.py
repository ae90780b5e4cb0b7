from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image

from agelens.errors import AgeLensError
from agelens.study.annotations import export_annotations
from agelens.study.given_table import SOURCE
from agelens.utils.files import read_json, write_json


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


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A run of two sources: a photograph whose crop was cut out of it, and a face that nobody labelled."""
    place = tmp_path / "faces"
    (place / "a").mkdir(parents=True)
    (place / "b").mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / "table.csv").write_text(
        "path,age,gender,race,taken_at,digest,source,original\n"
        f"{run}/crops/1.jpg,30,1,,,d1,a,{place}/a/1.jpg\n"
        f"{place}/b/2.jpg,,,,,d2,b,\n"
    )
    write_json(run / "config.json", {"source": [str(place / "a"), str(place / "b")]})
    pair = {"a": "a/1.jpg", "b": "b/2.jpg", "distance": 3, "mirrored": False}
    lists = {"near_duplicate_pairs": [pair], "duplicate_groups": [], "label_conflicts": {}}
    write_json(run / "audit.json", {"lists": lists})
    return run


def test_a_face_without_labels_and_a_crop_of_several_sources_are_exported(
    several: Path, tmp_path: Path
) -> None:
    written = export_annotations(several, "fiftyone", tmp_path / "out")
    first, second = (found[0] for found in read_json(written[1])["labels"].values())
    assert (first["label"], first["attributes"]) == (1, {"age": 30, "issues": "near duplicate"})
    assert (second["label"], second["attributes"]) == (2, {"issues": "near duplicate"})


def test_a_run_whose_audit_is_lost_is_refused_and_one_without_any_is_not(
    several: Path, tmp_path: Path
) -> None:
    (several / "audit.json").unlink()
    with pytest.raises(AgeLensError, match=r"audit\.json is missing.*run 'agelens audit .*/a .*/b --out"):
        export_annotations(several, "fiftyone", tmp_path / "out")
    write_json(several / "config.json", {"source": SOURCE})
    assert export_annotations(several, "fiftyone", tmp_path / "out")
