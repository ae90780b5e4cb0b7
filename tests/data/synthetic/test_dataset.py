"""Synthetic faces: the same every time, labelled as said, with the faults that are promised and no others."""

import re
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agelens.data.labels import AGE_BANDS, RACES, age_band
from agelens.data.sources.reading import read_faces
from agelens.data.synthetic import dataset
from agelens.data.synthetic.dataset import FAULTS, MARKER, synthesize_face, synthesize_faces
from agelens.data.synthetic.portrait import paint
from agelens.data.synthetic.traits import Traits, choose_traits
from agelens.errors import AgeLensError, ImageError
from agelens.utils.images import read_rgb

COUNT = 60


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "faulty"
    synthesize_faces(folder, COUNT, seed=3, image_size=64, with_faults=True)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def faces_of(age: int, gender: int, count: int) -> list[Traits]:
    return [choose_traits(age, gender, np.random.default_rng([age, gender, i])) for i in range(count)]


def mean_of(measure: Callable[[Traits], float], age: int, gender: int) -> float:
    return float(np.mean([measure(traits) for traits in faces_of(age, gender, 150)]))


# One face


@pytest.mark.parametrize("image_size", [32, 67, 200])
@pytest.mark.parametrize("age", [0, 5, 30, 70, 116])
@pytest.mark.parametrize("gender", [0, 1])
def test_face_has_the_size_asked_for_and_is_not_flat(age: int, gender: int, image_size: int) -> None:
    image = synthesize_face(age, gender, np.random.default_rng(1), image_size)
    assert (image.mode, image.size) == ("RGB", (image_size, image_size))
    assert np.asarray(image).std() > 15


def test_same_state_gives_the_same_face_and_another_state_another() -> None:
    first, again, other = (
        np.asarray(synthesize_face(30, 1, np.random.default_rng(s), 64)) for s in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 5


@pytest.mark.parametrize(
    ("age", "gender", "image_size"), [(-1, 0, 64), (117, 0, 64), (30, 2, 64), (30, 0, 31)]
)
def test_face_out_of_range_is_refused(age: int, gender: int, image_size: int) -> None:
    with pytest.raises(AgeLensError):
        synthesize_face(age, gender, np.random.default_rng(0), image_size)


# What age and gender do


@pytest.mark.parametrize("gender", [0, 1])
@pytest.mark.parametrize("mark", ["forehead", "crows_feet", "folds", "bags", "sag", "spots", "grey"])
def test_marks_of_years_grow_through_adult_life(mark: str, gender: int) -> None:
    levels = [mean_of(attrgetter(mark), age, gender) for age in (25, 45, 65, 85)]
    assert levels == sorted(levels)
    assert levels[-1] > levels[0] + 0.3


@pytest.mark.parametrize("gender", [0, 1])
def test_proportions_grow_up(gender: int) -> None:
    for trait, grows in [("eye_size", -1), ("cheek", -1), ("chin_y", 1), ("mouth_width", 1), ("eye_y", -1)]:
        sizes = [grows * mean_of(attrgetter(trait), age, gender) for age in (0, 5, 10, 18)]
        assert sizes == sorted(sizes), trait


def test_eyes_lie_where_a_face_crop_has_them() -> None:
    for age in (0, 10, 40, 90):
        height = (1 + mean_of(attrgetter("eye_y"), age, 0)) / 2
        assert 0.28 < height < 0.42


def test_pictures_differ_by_age_more_than_by_chance() -> None:
    def mean_face(age: int, start: int) -> np.ndarray:
        faces = [
            synthesize_face(age, 1, np.random.default_rng(seed), 32) for seed in range(start, start + 60)
        ]
        # The middle of the picture: what lies behind the head is chance alone.
        return np.mean([np.asarray(face, dtype=float)[2:28, 6:26] for face in faces], axis=0)

    young, also_young, old, child = (
        mean_face(25, 0),
        mean_face(25, 100),
        mean_face(85, 200),
        mean_face(2, 300),
    )

    def apart(other: np.ndarray) -> float:
        difference = young - other
        return float(np.abs(difference - difference.mean()).mean())

    assert apart(old) > 1.5 * apart(also_young)
    assert apart(child) > 1.5 * apart(also_young)


@pytest.mark.parametrize("mark", ["forehead", "crows_feet", "folds", "bags", "sag", "spots", "grey"])
def test_marks_of_years_show_in_the_picture(mark: str) -> None:
    plain = choose_traits(30, 1, np.random.default_rng(2))
    without, with_mark = (
        np.asarray(paint(replace(plain, **{mark: level}), np.random.default_rng(0), 96), dtype=float)
        for level in (0.0, 1.0)
    )
    assert (np.abs(without - with_mark).max(axis=2) > 12).mean() > 0.001


def test_only_men_have_beards_and_hair_tells_the_sexes_apart() -> None:
    women, men = faces_of(30, 1, 200), faces_of(30, 0, 200)
    assert not any(traits.beard for traits in women)
    assert 0.1 < np.mean([traits.beard > 0.5 for traits in men]) < 0.4
    assert np.mean([t.length for t in women]) > np.mean([t.length for t in men]) + 0.3
    assert not any(traits.beard for traits in faces_of(2, 0, 100))


# A folder of faces


def test_same_call_gives_the_same_bytes(faulty: Path, tmp_path: Path) -> None:
    synthesize_faces(tmp_path / "again", COUNT, seed=3, image_size=64, with_faults=True)
    assert contents(tmp_path / "again") == contents(faulty)


def test_another_seed_gives_other_faces(faulty: Path, tmp_path: Path) -> None:
    synthesize_faces(tmp_path / "other", 10, seed=4, image_size=64)
    assert not set(contents(tmp_path / "other").values()) & set(contents(faulty).values())


def test_larger_folder_begins_with_the_faces_of_a_smaller_one(faulty: Path, tmp_path: Path) -> None:
    few = synthesize_faces(tmp_path / "few", 5, seed=3, image_size=64)
    assert [path.name for path in few] == [
        path.name for path in synthesize_faces(faulty, COUNT, 3, 64, True)[:5]
    ]
    assert all(path.read_bytes() == (faulty / path.name).read_bytes() for path in few)


def test_labels_are_read_from_the_names(tmp_path: Path) -> None:
    paths = synthesize_faces(tmp_path / "faces", 25, seed=1, image_size=64)
    faces = read_faces(tmp_path / "faces")
    assert faces.rejected == []
    assert set(faces.table["path"]) == {str(path) for path in paths}
    assert faces.table["digest"].is_unique
    assert faces.table["taken_at"].is_unique
    assert all(re.fullmatch(r"\d+_[01]_[0-4]_\d{17}\.jpg\.chip\.jpg", path.name) for path in paths)
    for path in paths[:3]:
        assert read_rgb(path).shape == (64, 64, 3)


def test_labels_are_spread_as_in_utkface(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The names alone are wanted: drawing so many faces would take half a minute.
    blank = Image.new("RGB", (8, 8))
    monkeypatch.setattr(dataset, "synthesize_face", lambda age, gender, rng, image_size: blank)
    synthesize_faces(tmp_path / "names", 1500, seed=0, image_size=32)
    table = read_faces(tmp_path / "names").table
    bands = age_band(table["age"]).value_counts(normalize=True)
    assert set(bands.index) == set(AGE_BANDS)
    assert bands.min() > 0.02
    assert bands["20-29"] + bands["30-39"] > 0.35
    assert 0.06 < (table["age"] < 3).mean() < 0.15
    assert table["age"].max() > 90
    assert 0.45 < table["gender"].mean() < 0.51
    assert set(table["race"]) == set(RACES)
    assert table.groupby("race")["age"].mean().std() < 3


def test_progress_counts_each_face(tmp_path: Path) -> None:
    steps: list[int] = []
    synthesize_faces(tmp_path / "faces", 4, seed=0, image_size=32, progress=steps.append)
    assert steps == [1, 1, 1, 1]


# Faults


def test_faults_are_as_many_as_promised_and_no_more(faulty: Path) -> None:
    faces = read_faces(faulty)
    assert len(contents(faulty)) == COUNT + FAULTS.files + 1  # and the marker
    assert [rejected.reason for rejected in faces.rejected] == [
        "the name is not AGE_GENDER_RACE_TIME"
    ] * FAULTS.unreadable_names
    copies = faces.table[faces.table.duplicated("digest", keep=False)].groupby("digest")
    assert set(copies.size()) == {2}
    assert (copies["age"].nunique() == 2).sum() == FAULTS.age_conflicts
    assert (copies["gender"].nunique() == 2).sum() == FAULTS.gender_conflicts
    assert len(copies) == FAULTS.age_conflicts + FAULTS.gender_conflicts


def test_one_file_is_truncated(faulty: Path) -> None:
    broken = []
    for path in faulty.glob("*.jpg"):
        try:
            read_rgb(path)
        except ImageError:
            broken.append(path)
    assert len(broken) == FAULTS.truncated


def test_near_duplicates_are_other_bytes_of_the_same_picture(faulty: Path) -> None:
    names = [path.name for path in synthesize_faces(faulty, COUNT, 3, 64, True)]
    start = COUNT + FAULTS.age_conflicts + FAULTS.gender_conflicts
    for name in names[start : start + FAULTS.near_duplicates]:
        original = name.replace("_2067", "_2017")
        assert original in names[:COUNT]
        one, two = (read_rgb(faulty / file).astype(int) for file in (original, name))
        assert 0 < np.abs(one - two).mean() < 15


# A folder that exists


def test_complete_folder_is_left_alone(faulty: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in faulty.iterdir()}
    paths = synthesize_faces(faulty, COUNT, seed=3, image_size=64, with_faults=True)
    assert len(paths) == COUNT + FAULTS.files
    assert all(path.is_file() for path in paths)
    assert {path: path.stat().st_mtime_ns for path in faulty.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [{"count": COUNT + 1}, {"seed": 4}, {"image_size": 65}, {"with_faults": False}],
    ids=lambda c: next(iter(c)),
)
def test_folder_of_another_call_is_refused(faulty: Path, change: dict[str, int]) -> None:
    call = {"count": COUNT, "seed": 3, "image_size": 64, "with_faults": True, **change}
    with pytest.raises(AgeLensError, match="holds other synthetic faces"):
        synthesize_faces(faulty, **call)  # type: ignore[arg-type]


def test_folder_of_another_version_is_refused(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SYNTHETIC_VERSION", dataset.SYNTHETIC_VERSION + 1)
    with pytest.raises(AgeLensError, match="holds other synthetic faces"):
        synthesize_faces(faulty, COUNT, seed=3, image_size=64, with_faults=True)


def test_foreign_folder_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AgeLensError, match="not drawn by AgeLens"):
        synthesize_faces(tmp_path, 2, seed=0, image_size=32)
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_folder_that_lost_a_face_is_refused(tmp_path: Path) -> None:
    synthesize_faces(tmp_path / "faces", 3, seed=0, image_size=32)[1].unlink()
    with pytest.raises(AgeLensError, match="lacks 1 of its files"):
        synthesize_faces(tmp_path / "faces", 3, seed=0, image_size=32)


def test_interrupted_drawing_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    def stop(step: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize_faces(tmp_path / "faces", 3, seed=0, image_size=32, progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert len(synthesize_faces(tmp_path / "faces", 3, seed=0, image_size=32)) == 3
    assert (tmp_path / "faces" / MARKER).is_file()


@pytest.mark.parametrize(("count", "seed", "image_size"), [(0, 0, 64), (1, -1, 64), (1, 0, 16)])
def test_impossible_calls_are_refused(tmp_path: Path, count: int, seed: int, image_size: int) -> None:
    with pytest.raises(AgeLensError):
        synthesize_faces(tmp_path / "faces", count, seed, image_size)
    assert list(tmp_path.iterdir()) == []


def test_too_few_faces_for_the_faults_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=f"at least {FAULTS.files}"):
        synthesize_faces(tmp_path / "faces", FAULTS.files - 1, seed=0, image_size=32, with_faults=True)
