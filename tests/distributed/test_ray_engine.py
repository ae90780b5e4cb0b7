"""What a job on a cluster refuses, and what it counts, before and after Ray itself."""

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agelens.cli.cluster import predict_on_cluster
from agelens.distributed import ray_engine
from agelens.distributed.ray_engine import ACTOR_BYTES, RayConfig, predict_with_ray, room
from agelens.distributed.shards import ShardFolder
from agelens.errors import AgeLensError
from agelens.inference import image_files
from agelens.inference.parquet import to_table
from agelens.inference.prediction_config import PredictionConfig
from tests.inference.named_faces import NamedPredictor, draw_photo


@pytest.mark.parametrize("option", [{"age_limits": (18,)}, {"overwrite": True}])
def test_options_that_a_cluster_would_drop_are_refused(tmp_path: Path, option: dict[str, Any]) -> None:
    config = replace(PredictionConfig(out=tmp_path / "faces"), **option)
    with pytest.raises(AgeLensError, match=r"leave --age-limit and --overwrite out\.$"):
        predict_on_cluster([tmp_path], config, None, None)


def test_whole_photographs_are_no_crops_on_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    astronaut = pytest.importorskip("skimage.data", reason="scikit-image is not there").astronaut()
    Image.fromarray(astronaut).save(tmp_path / "astronaut.png")
    monkeypatch.setattr(ray_engine, "_run", lambda *_: pytest.fail("was estimated"))
    with pytest.raises(AgeLensError, match=r"not framed as face crops.*--crops-as-they-are"):
        predict_with_ray(str(tmp_path), str(tmp_path / "faces"), PredictionConfig(crops=True))


@pytest.mark.parametrize("form", ["{}", "ray://{}"])
def test_an_address_where_nobody_answers_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    draw_photo(tmp_path / "photos" / "1 a.png")
    monkeypatch.setattr(PredictionConfig, "load", lambda _: NamedPredictor())
    monkeypatch.setattr(ray_engine, "_import_ray", lambda: pytest.fail("was asked"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = form.format(f"127.0.0.1:{server.getsockname()[1]}")
    with pytest.raises(AgeLensError, match=f"There is no Ray at {address}: .*; start one with 'ray start'"):
        predict_with_ray(
            str(tmp_path / "photos"), str(tmp_path / "faces"), PredictionConfig(), RayConfig(address)
        )
    assert not (tmp_path / "faces").exists()


def test_a_job_that_has_not_begun_leaves_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoRay:
        def init(self, **_: object) -> None:
            raise ConnectionError("nobody is there")

    draw_photo(tmp_path / "photos" / "1 a.png")
    monkeypatch.setattr(PredictionConfig, "load", lambda _: NamedPredictor())
    monkeypatch.setattr(ray_engine, "_import_ray", NoRay)
    with pytest.raises(AgeLensError, match="There is no Ray at auto: nobody is there"):
        predict_with_ray(
            str(tmp_path / "photos"), str(tmp_path / "faces"), PredictionConfig(), RayConfig("auto")
        )
    assert list((tmp_path / "faces").glob("*")) == []


def test_a_folder_that_cannot_be_listed_counts_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_photo(tmp_path / "photos" / "1 a.png")
    real = image_files.list_folder

    def list_folder(folder: Path) -> Any:
        listing = real(folder)
        listing.unreadable[folder / "locked"] = "Permission denied"
        return listing

    def run(waiting: list[dict[str, Any]], place: str, *_: object) -> None:
        for shard in waiting:
            found = to_table(NamedPredictor().stream(map(Path, shard["paths"]), crops=False))
            ShardFolder(place).write(shard["shard"], found)

    monkeypatch.setattr(image_files, "list_folder", list_folder)
    monkeypatch.setattr(ray_engine, "_run", run)
    monkeypatch.setattr(PredictionConfig, "load", lambda _: NamedPredictor())
    assert predict_with_ray(str(tmp_path / "photos"), str(tmp_path / "faces"), PredictionConfig()) == 1
    assert json.loads((tmp_path / "faces" / "_counts.json").read_text())["failed"] == 0


@pytest.mark.parametrize(
    ("resources", "how", "waiting", "expected"),
    [
        ({"CPU": 8, "memory": 64 << 30}, RayConfig(), 100, (8, ACTOR_BYTES)),
        ({"CPU": 8, "memory": 64 << 30}, RayConfig(threads=4), 100, (2, ACTOR_BYTES)),
        ({"CPU": 8, "memory": 3 << 30}, RayConfig(), 100, (3, ACTOR_BYTES)),
        ({"CPU": 8, "memory": 3 << 30}, RayConfig(actors=6), 100, (6, 1 << 29)),
        ({"CPU": 1, "memory": 1 << 29}, RayConfig(threads=2), 100, (1, 1 << 29)),
        ({"CPU": 8}, RayConfig(), 2, (2, 0)),
    ],
)
def test_as_many_actors_as_cores_and_memory_hold(
    resources: dict[str, float], how: RayConfig, waiting: int, expected: tuple[int, int]
) -> None:
    assert room(resources, how, waiting) == expected
