"""Bundles in the forms that other programs serve."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import yaml

from agelens.bundles.bundle import Bundle, find_bundles, open_bundle, write_bundle
from agelens.data.provenance import SYNTHETIC_LICENCE
from agelens.errors import AgeLensError
from agelens.export import formats
from agelens.export.formats import FORMATS, TOLERANCE, export_format, next_step


@pytest.fixture(scope="module")
def bundle(study) -> Bundle:
    return find_bundles(study.folder / "age")[0]


@pytest.fixture(autouse=True)
def few_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FACES", 4)


@pytest.mark.parametrize("form", FORMATS)
def test_each_form_says_what_the_bundle_says(form: str, bundle: Bundle, tmp_path: Path) -> None:
    assert export_format(bundle, tmp_path / "out", form) <= TOLERANCE
    assert str(tmp_path) in next_step(form, tmp_path / "out", bundle.card)
    assert json.loads((tmp_path / "out" / "card.json").read_text())["task"] == "age"


def test_servers_find_the_network_where_they_look(bundle: Bundle, tmp_path: Path) -> None:
    export_format(bundle, tmp_path / "ovms", "ovms")
    config = json.loads((tmp_path / "ovms" / "config.json").read_text())["model_config_list"][0]["config"]
    inside = tmp_path / "ovms" / Path(config["base_path"]).relative_to("/models")
    model = ov.Core().read_model(inside / "1" / "model.xml")
    export_format(bundle, tmp_path / "triton", "triton")
    text = (tmp_path / "triton" / config["name"] / "config.pbtxt").read_text()
    assert (tmp_path / "triton" / config["name"] / "1" / "model.bin").is_file()
    for port in (*model.inputs, *model.outputs):
        assert f'name: "{port.get_any_name()}"' in text
    assert "dims: [-1, -1, 3]" in text


def test_the_page_of_the_hub_has_what_the_hub_reads(tmp_path: Path) -> None:
    (bundled,) = find_bundles()
    page = formats.hub_page(bundled.card)
    front = yaml.safe_load(page.split("---")[1])
    assert (front["library_name"], front["license"]) == ("agelens", "other")
    values = {
        (one["dataset"]["name"], one["metrics"][0]["type"]): one["metrics"][0]["value"]
        for one in front["model-index"][0]["results"]
    }
    evaluation = bundled.card["evaluation"]
    gender = evaluation["gender"]["groups"]["source"]
    assert values == {
        ("UTKFace", "mae"): round(evaluation["age"]["mae"], 4),
        ("FairFace", "right_group"): round(evaluation["age_group"]["right_group"], 4),
        ("UTKFace", "accuracy"): round(gender["UTKFace"]["accuracy"], 4),
        ("FairFace", "accuracy"): round(gender["FairFace"]["accuracy"], 4),
    }
    assert "hf://OWNER/NAME@COMMIT" in page
    assert front["license_name"] == "non-commercial-research-only"
    assert "as a page in `card.html`" in page


def test_the_page_of_the_hub_tells_the_terms_and_files_of_its_own_bundle(
    bundle: Bundle, tmp_path: Path
) -> None:
    card = {**bundle.card, "data": {**bundle.card["data"], "licence": SYNTHETIC_LICENCE}}
    card["network"] = {**card["network"], "weights_licence": ""}
    own = tmp_path / "own"
    write_bundle(own, copy_of(bundle, tmp_path), card, {})
    export_format(open_bundle(own), tmp_path / "hub", "huggingface")
    page = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(page.split("---")[1])["license_name"] == "see-card"
    assert SYNTHETIC_LICENCE in page
    assert "card.html" not in page


def copy_of(bundle: Bundle, folder: Path) -> Path:
    file = folder / "copy.onnx"
    file.write_bytes(bundle.network)
    return file


def test_a_network_that_came_out_otherwise_is_not_kept(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = formats.run_outputs
    monkeypatch.setattr(
        formats, "run_outputs", lambda *given: [output + np.float32(0.01) for output in plain(*given)]
    )
    with pytest.raises(AgeLensError, match=r"differs from the bundle by 0\.01 on 4 faces, so it is not kept"):
        export_format(bundle, tmp_path / "out", "onnx")
    assert not (tmp_path / "out").exists()


def test_what_stands_there_is_not_replaced(bundle: Bundle, tmp_path: Path, agelens) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(AgeLensError, match="is not empty; give another folder"):
        export_format(bundle, tmp_path, "onnx")
    said = agelens("export", tmp_path / "new", "--out", tmp_path / "no-study", "--bundle", "agelens")
    assert (said.status, (tmp_path / "new").exists()) == (2, False)
