import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from agelens.cli.console import audit_lines
from agelens.data import picture_quality
from agelens.data.picture_quality import ISSUES, check_pictures
from agelens.data.sources.reading import read_faces
from agelens.errors import AgeLensError
from agelens.study.audit_step import audit_faces
from agelens.study.folder import StudyFolder
from agelens.utils.files import read_json


def textured(seed: int, size: tuple[int, int] = (200, 200)) -> Image.Image:
    """Fine texture in all tones, which no check has anything against."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.7))


def soft() -> Image.Image:
    """A few blotches in many tones, without an edge."""
    blotches = np.random.default_rng(4).integers(20, 180, (4, 4), dtype=np.uint8)
    return Image.fromarray(blotches).convert("RGB").resize((200, 200), Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    good = {f"2{number}_0_0_{number}.png": textured(number) for number in range(8)}
    odd = {
        "30_0_0_91.png": textured(91).point(lambda value: value // 8),
        "31_0_0_92.png": textured(92).point(lambda value: 250 + value // 64),
        "32_0_0_93.png": soft(),
        "33_0_0_94.png": Image.new("RGB", (200, 200), (90, 120, 90)),
        "34_0_0_95.png": textured(95, (40, 40)),
        "35_0_0_96.png": textured(96, (400, 100)),
    }
    for name, image in (good | odd).items():
        (folder / name).write_bytes(png(image))
    return folder


def test_each_kind_of_poor_picture_is_found(pictures: Path) -> None:
    faces = read_faces(pictures)
    found = check_pictures(faces.table, faces.source)
    assert found.checked == 14
    assert tuple(found.files) == ISSUES
    names = {issue: [name for name, _ in files] for issue, files in found.files.items()}
    assert names["dark"] == ["30_0_0_91.png"]
    assert names["light"] == ["31_0_0_92.png"]
    # So little is left of the light one that it tells little, too.
    assert set(names["low_information"]) == {"33_0_0_94.png", "31_0_0_92.png"}
    assert names["odd_size"] == ["34_0_0_95.png"]
    assert names["odd_aspect_ratio"] == ["35_0_0_96.png"]
    assert names["blurry"] == ["32_0_0_93.png"]
    assert not {f"2{number}_0_0_{number}.png" for number in range(8)} & {
        one for all_ in names.values() for one in all_
    }
    assert all(0 <= score <= 1 for files in found.files.values() for _, score in files)


def test_crops_are_called_by_their_photographs(pictures: Path) -> None:
    faces = read_faces(pictures)
    table = faces.table.assign(
        original=[str(pictures / f"of {Path(path).name}") for path in faces.table["path"]]
    )
    assert [name for name, _ in check_pictures(table, faces.source).files["dark"]] == ["of 30_0_0_91.png"]


def test_a_picture_that_cannot_be_decoded_is_left_out(pictures: Path) -> None:
    (pictures / "40_0_0_97.png").write_bytes(b"no picture")
    faces = read_faces(pictures)
    assert check_pictures(faces.table, faces.source).checked == 14


def test_large_pictures_are_judged_as_their_small_copies(pictures: Path) -> None:
    (pictures / "34_0_0_95.png").write_bytes(png(textured(95).resize((2400, 2400), Image.Resampling.NEAREST)))
    faces = read_faces(pictures)
    found = check_pictures(faces.table, faces.source).files
    assert [name for name, _ in found["odd_size"]] == ["34_0_0_95.png"]
    assert "34_0_0_95.png" not in [name for name, _ in found["dark"]]


def test_the_audit_counts_and_shows_them(pictures: Path, tmp_path: Path) -> None:
    found = audit_faces(StudyFolder(tmp_path / "run"), pictures)
    counts = found["picture_quality"]["found"]
    assert counts["dark"] == 1
    assert counts["odd_aspect_ratio"] == 1
    page = (tmp_path / "run" / "audit.html").read_text()
    assert "Picture quality" in page
    assert "<b>1</b>odd aspect ratio" in page
    assert any(line.startswith("pictures worth a look: dark 1, light 1, ") for line in audit_lines(found))


def test_without_the_extra_the_audit_works_and_says_what_it_left_out(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        picture_quality.importlib.util,
        "find_spec",
        lambda name: None if name == "cleanvision" else find(name),
    )
    found = audit_faces(StudyFolder(tmp_path / "run"), pictures)
    assert found["usable"] == 14
    assert read_json(tmp_path / "run" / "audit.json")["picture_quality"] is None
    told = [line for line in audit_lines(found) if "picture quality" in line]
    assert len(told) == 1
    assert told[0].endswith("pip install 'agelens[labels]'")
    faces = read_faces(pictures)
    with pytest.raises(AgeLensError, match="pip install 'agelens\\[labels\\]'"):
        check_pictures(faces.table, faces.source)
