import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from agelens.data import near_duplicates
from agelens.data.audit import MIN_SIDE, Audit, audit, file_names
from agelens.data.near_duplicates import (
    NEAR_BITS,
    NearDuplicate,
    duplicate_groups,
    find_near_duplicates,
    perceptual_hash,
)
from agelens.data.sources.reading import read_faces
from agelens.data.table import Rejected
from agelens.reporting import galleries as gallery
from agelens.reporting.galleries import write_gallery


def scene(seed: int, image_size: int = 200) -> Image.Image:
    """Soft blotches that a perceptual hash tells apart as it tells photographs."""
    blotches = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(blotches).resize((image_size, image_size), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def flipped(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def audit_of(folder: Path, **files: bytes) -> Audit:
    write(folder, files)
    return audit(read_faces(folder))


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Six usable faces of four pictures, three that cannot be decoded, two wrong names."""
    write(
        tmp_path,
        {
            "20_0_0_1.jpg": jpeg(scene(1)),
            "25_0_0_2.jpg": jpeg(scene(1)),
            "26_1_0_3.jpg": jpeg(scene(1), quality=60),
            "40_1_0_4.jpg": jpeg(scene(2)),
            "41_1_0_5.jpg": jpeg(flipped(scene(2))),
            "50_0_0_6.jpg": jpeg(scene(3)),
            "51_0_0_7.jpg": jpeg(scene(4))[:-200],
            "52_0_0_8.jpg": jpeg(scene(5, image_size=1)),
            "53_0_0_9.jpg": b"",
            "60_0_123.jpg": jpeg(scene(6)),
            "notes.txt": b"hello",
        },
    )
    return tmp_path


def test_the_audit_names_everything_it_found(mixed: Path) -> None:
    report = audit(read_faces(mixed)).to_json()
    lists = report.pop("lists")
    assert report == {
        "images": 11,
        "malformed": 2,
        "unreadable": 3,
        "duplicate_groups": 1,
        "near_duplicate_groups": 2,
        "label_conflicts": {"age": 2, "gender": 1},
        "label_agreement": {"pairs": 3, "age_difference": 4.0, "same_age": 0.0, "same_gender": 2 / 3},
        "usable": 6,
    }
    assert lists["malformed"] == [
        {"file": "60_0_123.jpg", "reason": "the name is not AGE_GENDER_RACE_TIME"},
        {"file": "notes.txt", "reason": "is not an image file"},
    ]
    reasons = {item["file"]: item["reason"] for item in lists["unreadable"]}
    assert list(reasons) == ["51_0_0_7.jpg", "52_0_0_8.jpg", "53_0_0_9.jpg"]
    assert reasons["51_0_0_7.jpg"].startswith("is not a whole JPEG")
    assert reasons["52_0_0_8.jpg"] == "is 1 x 1 pixels, too small to show a face"
    assert reasons["53_0_0_9.jpg"] == "is empty"
    assert lists["duplicate_groups"] == [["20_0_0_1.jpg", "25_0_0_2.jpg"]]
    assert lists["near_duplicate_groups"] == [
        ["20_0_0_1.jpg", "25_0_0_2.jpg", "26_1_0_3.jpg"],
        ["40_1_0_4.jpg", "41_1_0_5.jpg"],
    ]
    near = [(pair["a"], pair["b"], pair["mirrored"]) for pair in lists["near_duplicate_pairs"]]
    assert near == [
        ("20_0_0_1.jpg", "26_1_0_3.jpg", False),
        ("40_1_0_4.jpg", "41_1_0_5.jpg", True),
    ]
    assert all(0 <= pair["distance"] <= NEAR_BITS for pair in lists["near_duplicate_pairs"])


def test_conflicts_carry_both_labels_and_the_kind(mixed: Path) -> None:
    conflicts = audit(read_faces(mixed)).to_json()["lists"]["label_conflicts"]
    assert conflicts["age"][0] == {
        "a": "20_0_0_1.jpg",
        "b": "25_0_0_2.jpg",
        "kind": "identical",
        "distance": 0,
        "a_age": 20,
        "b_age": 25,
        "a_gender": 0,
        "b_gender": 0,
        "years_apart": 5,
    }
    assert [pair["kind"] for pair in conflicts["age"]] == ["identical", "near", "mirrored"]
    assert [(pair["a"], pair["b"]) for pair in conflicts["gender"]] == [("20_0_0_1.jpg", "26_1_0_3.jpg")]


def test_usable_rows_have_the_group_of_their_picture(mixed: Path) -> None:
    faces = read_faces(mixed)
    rows = audit(faces).usable(faces.table)
    assert rows["age"].tolist() == [20, 25, 26, 40, 41, 50]
    assert rows.index.tolist() == list(range(6))
    first, second, third = rows["group"][[0, 3, 5]]
    assert rows["group"].tolist() == [first] * 3 + [second] * 2 + [third]
    assert len({first, second, third}) == 3
    assert first == min(rows["digest"][:3])[:16]


def test_the_audit_does_not_depend_on_place_or_order(mixed: Path, tmp_path_factory) -> None:
    moved = tmp_path_factory.mktemp("moved") / "deeper"
    mixed.rename(moved)
    here = read_faces(moved)
    there = replace(here, table=here.table.iloc[::-1], rejected=here.rejected[::-1])
    assert audit(here).to_json() == audit(there).to_json()
    assert audit(here).group_of == audit(there).group_of
    assert json.loads(json.dumps(audit(here).to_json())) == audit(here).to_json()
    assert str(moved) not in json.dumps(audit(here).to_json())


def test_progress_counts_every_image_once(mixed: Path) -> None:
    bars: list[list[int]] = []

    @contextmanager
    def track(description: str, total: int) -> Iterator:
        bars.append([total, 0])

        def advance(steps: int = 1, note: str = "") -> None:
            bars[-1][1] += steps

        yield advance

    audit(read_faces(mixed), track)
    # The two identical files are decoded once.
    assert bars == [[8, 8]]


VARIANTS = {
    "recompressed": lambda image: Image.open(io.BytesIO(jpeg(image, quality=30))),
    "smaller": lambda image: image.resize((90, 90)),
    "larger": lambda image: image.resize((700, 700)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "grey": lambda image: image.convert("L"),
    "sharper": lambda image: ImageEnhance.Sharpness(image).enhance(3),
    "turned by a degree": lambda image: image.rotate(0.5, Image.Resampling.BICUBIC),
    "flipped": flipped,
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_retouched_picture_is_still_the_same(variant) -> None:
    image = scene(1)
    changed = variant(image).convert("RGB")
    hashes = [perceptual_hash(np.asarray(picture)) for picture in (image, changed)]
    (pair,) = find_near_duplicates(hashes)
    assert (pair.first, pair.second, pair.mirrored) == (0, 1, variant is flipped)


def test_different_pictures_are_different() -> None:
    assert (
        find_near_duplicates([perceptual_hash(np.asarray(scene(seed, image_size=64))) for seed in range(150)])
        == []
    )


def test_seven_hundred_copies_are_one_group(tmp_path: Path) -> None:
    names = sorted(f"{20 + number % 3}_0_0_{number}.jpg" for number in range(700))
    found = audit_of(tmp_path, **dict.fromkeys(names, jpeg(scene(1))), **{"50_1_0_1.jpg": jpeg(scene(2))})
    assert found.duplicate_groups == (tuple(names),)
    (group,) = found.groups
    assert (group.files, group.is_identical) == (tuple(names), True)
    assert (group.disagrees("age"), group.disagrees("gender")) == (True, False)
    assert [(pair.a, pair.b) for pair in found.pairs] == [(names[0], name) for name in names[1:]]
    report = found.to_json()
    assert (report["duplicate_groups"], report["near_duplicate_groups"]) == (1, 0)
    assert report["label_conflicts"] == {"age": 1, "gender": 0}
    usable = found.usable(read_faces(tmp_path).table)
    assert usable["group"].value_counts().tolist() == [700, 1]


def test_seven_hundred_images_that_look_alike_are_one_group_joined_by_the_nearest_pairs() -> None:
    words = perceptual_hash(np.asarray(scene(1)))
    # Number n differs from number m in as many bits as lie between n % 20 and m % 20.
    hashes = [
        words._replace(upright=words.upright ^ np.array([(1 << number % 20) - 1, 0, 0, 0], np.uint64))
        for number in range(700)
    ]
    found = find_near_duplicates(hashes)
    assert len(found) == 699
    assert not duplicate_groups(700, found).any()
    assert sorted(pair.distance for pair in found) == [0] * 680 + [1] * 19
    assert not any(pair.mirrored for pair in found)


@settings(deadline=None)
@given(st.integers(1, 40), st.data())
def test_chains_join_whatever_hangs_together(count: int, data: st.DataObject) -> None:
    numbers = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = (
        data.draw(st.lists(numbers.filter(lambda both: both[0] < both[1]), max_size=40)) if count > 1 else []
    )
    smallest = list(range(count))
    for _ in range(count):
        for first, second in edges:
            smallest[first] = smallest[second] = min(smallest[first], smallest[second])
    found = duplicate_groups(count, [NearDuplicate(first, second, 0, False) for first, second in edges])
    assert found.tolist() == smallest


def test_blocks_see_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [np.asarray(scene(seed // 2, image_size=64)) for seed in range(20)]
    hashes = [perceptual_hash(image) for image in images]
    whole = find_near_duplicates(hashes)
    assert [(pair.first, pair.second) for pair in whole] == [(n, n + 1) for n in range(0, 20, 2)]
    for cells in (1, 60, 140):
        monkeypatch.setattr(near_duplicates, "_BLOCK_CELLS", cells)
        monkeypatch.setattr(near_duplicates, "_GATHERED", cells)
        assert find_near_duplicates(hashes) == whole


@pytest.mark.parametrize(("image_size", "usable"), [(MIN_SIDE - 1, False), (MIN_SIDE, True)])
def test_the_least_side(tmp_path: Path, image_size: int, usable: bool) -> None:
    found = audit_of(tmp_path, **{"20_0_0_1.png": png(scene(1).resize((300, image_size)))})
    assert (len(found.group_of) == 1) is usable
    reasons = [rejected.reason for rejected in found.unreadable]
    assert reasons == ([] if usable else [f"is 300 x {image_size} pixels, too small to show a face"])


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_nothing_readable_is_an_empty_table(tmp_path: Path) -> None:
    write(tmp_path, {"20_0_0_1.jpg": b"", "21_0_0_1.jpg": b""})
    faces = read_faces(tmp_path)
    found = audit(faces)
    assert found.to_json()["usable"] == 0
    assert found.to_json()["duplicate_groups"] == 1
    assert found.pairs == ()
    assert list(found.usable(faces.table).columns) == [*faces.table.columns, "group"]
    assert len(found.usable(faces.table)) == 0


def test_names_of_a_manifest_are_as_the_manifest_says(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(1)))
    (tmp_path / "lists" / "b.jpg").write_bytes(jpeg(scene(1)))
    file = tmp_path / "lists" / "faces.csv"
    file.write_text("path,age,gender\n../a.jpg,3,1\nb.jpg,4,1\ngone.jpg,4,1\n")
    found = audit(read_faces(file))
    assert found.duplicate_groups == (("../a.jpg", "b.jpg"),)
    (malformed,) = found.malformed
    assert malformed.file == "gone.jpg (line 4)"
    assert malformed.reason.startswith("the file does not exist")
    assert file_names(["/elsewhere/c.jpg"], str(file)) == ["/elsewhere/c.jpg"]


def test_the_gallery_shows_conflicts_worst_first(mixed: Path, tmp_path_factory) -> None:
    faces = read_faces(mixed)
    page = tmp_path_factory.mktemp("run") / "deep" / "gallery.html"
    write_gallery(audit(faces), faces.table, page)
    html = page.read_text(encoding="utf-8")
    assert html.count("<article ") == 3
    assert html.count('src="data:image/jpeg;base64,') == 6
    names = re.findall(r'alt="(.+?)"', html)
    assert names[:2] == ["20_0_0_1.jpg", "26_1_0_3.jpg"]
    assert names[-2:] == ["40_1_0_4.jpg", "41_1_0_5.jpg"]
    assert "Identical files" in html
    assert "Mirrored," in html
    assert not re.search("https?:", html)
    assert str(mixed) not in html


def test_the_gallery_stops_somewhere_and_says_so(
    mixed: Path, tmp_path_factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "SHOWN", 2)
    faces = read_faces(mixed)
    page = tmp_path_factory.mktemp("run") / "gallery.html"
    write_gallery(audit(faces), faces.table, page)
    html = page.read_text(encoding="utf-8")
    assert html.count("<article ") == 2
    assert "The first 2 pairs are shown; audit.json lists all 3." in html


def test_the_gallery_without_conflicts_says_so(tmp_path: Path) -> None:
    found = audit_of(tmp_path, **{"20_0_0_1.jpg": jpeg(scene(1)), "20_0_0_2.jpg": jpeg(scene(1))})
    write_gallery(found, read_faces(tmp_path).table, tmp_path / "gallery.html")
    html = (tmp_path / "gallery.html").read_text(encoding="utf-8")
    assert "No two images that show the same picture carry different labels." in html
    assert "<article" not in html


def test_the_gallery_escapes_names_and_survives_lost_images(tmp_path: Path) -> None:
    hostile = '20_0_0_1.<img src=x onerror="alert(1)">.jpg'
    found = audit_of(tmp_path, **{hostile: jpeg(scene(1)), "30_0_0_1.jpg": jpeg(scene(1))})
    table = read_faces(tmp_path).table
    (tmp_path / "30_0_0_1.jpg").unlink()
    for rows in (table, table.iloc[:1]):
        write_gallery(found, rows, tmp_path / "gallery.html")
        html = (tmp_path / "gallery.html").read_text(encoding="utf-8")
        assert html.count("image not found") == 1
        assert "<img src=x" not in html
        assert "&lt;img src=x" in html


def test_usable_leaves_the_table_alone(mixed: Path) -> None:
    faces = read_faces(mixed)
    before = faces.table.copy()
    audit(faces).usable(faces.table)
    pd.testing.assert_frame_equal(faces.table, before)


def test_without_a_picture_that_stands_twice_nothing_is_said_of_agreement(tmp_path: Path) -> None:
    write(tmp_path, {f"20_0_0_{number}.jpg": jpeg(scene(number)) for number in range(3)})
    assert audit(read_faces(tmp_path)).to_json()["label_agreement"] is None


def test_a_file_with_two_ages_is_a_label_conflict_and_no_duplicate(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": jpeg(scene(1)), "b.jpg": jpeg(scene(2))})
    file = tmp_path / "faces.csv"
    file.write_text("path,age,gender\na.jpg,48,0\nb.jpg,30,1\na.jpg,68,0\na.jpg,48,0\n")
    faces = read_faces(file)
    found = audit(faces)
    report = found.to_json()
    assert (report["label_conflicts"], report["duplicate_groups"]) == ({"age": 1, "gender": 0}, 0)
    assert report["near_duplicate_groups"] == 0
    (conflict,) = report["lists"]["label_conflicts"]["age"]
    assert (conflict["a"], conflict["b"], conflict["kind"]) == ("a.jpg", "a.jpg", "same file")
    assert (conflict["a_age"], conflict["b_age"]) == (48, 68)
    assert [one.file for one in found.malformed] == ["a.jpg (line 5)"]
    assert report["usable"] == 3
    # Both rows show one picture, so that no split tears them.
    groups = found.usable(faces.table)["group"]
    assert groups[0] == groups[2] != groups[1]
    assert any("2 and 4" in note for note in report["lists"]["notes"])
    write_gallery(found, faces.table, tmp_path / "gallery.html")
    assert "One file, listed twice" in (tmp_path / "gallery.html").read_text(encoding="utf-8")


def test_files_that_could_not_be_read_are_unreadable(tmp_path: Path) -> None:
    write(tmp_path, {"20_0_0_1.jpg": jpeg(scene(1)), "21_0_0_1.jpg": jpeg(scene(2))})
    faces = read_faces(tmp_path)
    lost = Rejected(str(tmp_path / "22_0_0_1.jpg"), "cannot be read: Permission denied")
    report = audit(replace(faces, unreadable=[lost])).to_json()
    assert (report["images"], report["unreadable"], report["usable"]) == (3, 1, 2)
    assert report["lists"]["unreadable"] == [{"file": "22_0_0_1.jpg", "reason": lost.reason}]
