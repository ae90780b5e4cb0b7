"""`predict --out`: what stands is not replaced in silence, and what is done goes on."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from agelens.errors import AgeLensError
from agelens.inference.predict_files import predict_files
from agelens.inference.prediction_config import PredictionConfig
from tests.inference.named_faces import NamedPredictor, draw_photo

NAMES = ("0 none.png", "1 one.png", "2 two.png", "3 three.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in NAMES:
        draw_photo(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `predict_files`; gives the names of what was estimated, and the last line that was said."""

    def work(paths, *, after: int | None = None, **options: Any) -> tuple[list[str], str]:
        predictor = NamedPredictor(after)
        monkeypatch.setattr(PredictionConfig, "load", lambda *_: predictor)
        capsys.readouterr()
        paths = [paths] if isinstance(paths, Path) else paths
        if after is None:
            predict_files(paths, PredictionConfig(**options))
        else:
            with pytest.raises(KeyboardInterrupt) as caught:
                predict_files(paths, PredictionConfig(**options))
            return [file.name for file in predictor.asked], str(caught.value)
        return [file.name for file in predictor.asked], capsys.readouterr().err.splitlines()[-1]

    return work


ENDINGS = ["jsonl", "ndjson", "json", "csv", "tsv", "parquet"]


def files_in(path: Path) -> set[str]:
    """The names of photographs in a file of results."""
    if path.suffix == ".parquet":
        return {Path(name).name for name in pq.read_table(path).column("file").to_pylist()}
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".csv", ".tsv"):
        rows = csv.DictReader(text.splitlines(), delimiter="\t" if path.suffix == ".tsv" else ",")
        return {Path(row["file"]).name for row in rows}
    entries = json.loads(text) if path.suffix == ".json" else [json.loads(one) for one in text.splitlines()]
    return {Path(entry["file"]).name for entry in entries}


@pytest.mark.parametrize("ending", ENDINGS)
def test_interrupted_in_every_form_it_ends_as_if_it_were_not(
    ending: str, photos: Path, tmp_path: Path, run
) -> None:
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"faces.{ending}"
    asked, told = run(photos, out=whole)
    assert asked == list(NAMES)
    assert told == f"{whole}: 6 faces in 3 photographs, 1 photograph without a face."
    asked, told = run(photos, after=2, out=out)
    assert told == "Interrupted; 2 of 4 are kept, and the same command goes on from there."
    assert not out.exists()
    asked, told = run(photos, out=out)
    assert asked == list(NAMES[2:])
    assert told == f"{out}: 6 faces in 3 photographs, 1 photograph without a face."
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".*partial*"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_finished_file_is_told_and_new_photographs_are_added(
    ending: str, photos: Path, tmp_path: Path, run
) -> None:
    out = tmp_path / f"faces.{ending}"
    run(photos, out=out)
    before, changed = out.read_bytes(), out.stat().st_mtime_ns
    asked, told = run(photos, out=out)
    assert asked == []
    assert told.endswith("6 faces in 3 photographs, 1 photograph without a face; it was finished before.")
    assert out.stat().st_mtime_ns == changed
    # One is new, and one is another picture now.
    draw_photo(photos / "1 new.png")
    os.utime(photos / "2 two.png", (1, 1))
    asked, told = run(photos, out=out)
    assert asked == ["1 new.png", "2 two.png"]
    assert told == f"{out}: 7 faces in 4 photographs, 1 photograph without a face."
    fresh = tmp_path / f"fresh.{ending}"
    run(photos, out=fresh)
    assert out.read_bytes() == fresh.read_bytes()
    assert out.read_bytes() != before


def test_a_killed_addition_keeps_the_finished_file(photos: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "faces.csv"
    run(photos, out=out)
    before = out.read_bytes()
    for name in ("1 new.png", "4 new.png"):
        draw_photo(photos / name)
    asked, told = run(photos, after=1, out=out)
    assert asked == ["1 new.png"]
    assert told == "Interrupted; 5 of 6 are kept, and the same command goes on from there."
    assert out.read_bytes() == before
    asked, _ = run(photos, out=out)
    assert asked == ["4 new.png"]
    assert files_in(out) == {*NAMES[1:], "1 new.png", "4 new.png"}


def test_other_photographs_do_not_replace_a_file(photos: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "faces.json"
    run(photos, out=out)
    before = out.read_bytes()
    draw_photo(tmp_path / "other" / "2.png")
    for paths in (
        [tmp_path / "other"],
        [photos / NAMES[0], photos / NAMES[1]],
        [*sorted(photos.iterdir())[:3], tmp_path / "other"],
    ):
        with pytest.raises(
            AgeLensError, match=r"was made with photographs that are not named now .*give another --out, or"
        ):
            run(paths, out=out)
    assert out.read_bytes() == before
    # More photographs lose nothing.
    run([photos, tmp_path / "other"], out=out)
    assert files_in(out) == {*NAMES, "2.png"}
    run([tmp_path / "other"], out=out, overwrite=True)
    assert files_in(out) == {"2.png"}


def test_what_was_begun_of_other_photographs_is_not_lost(photos: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "faces.json"
    run(photos, after=3, out=out)
    draw_photo(tmp_path / "other" / "2.png")
    with pytest.raises(AgeLensError, match=r"was begun with photographs .* and 2 others\); finish it so"):
        run(tmp_path / "other", out=out)
    assert run(photos, out=out)[0] == [NAMES[3]]


def test_an_interrupted_replacement_goes_on(photos: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "faces.json"
    draw_photo(tmp_path / "other" / "2.png")
    run(tmp_path / "other", out=out)
    run(photos, after=3, out=out, overwrite=True)
    assert files_in(out) == {"2.png"}
    assert run(photos, out=out, overwrite=True)[0] == [NAMES[3]]
    assert files_in(out) == set(NAMES)


@pytest.mark.parametrize(
    "options", [{"crops": True, "as_they_are": True}, {"precision": "f32"}], ids=lambda one: next(iter(one))
)
def test_other_options_do_not_replace_a_file(photos: Path, tmp_path: Path, run, options) -> None:
    out = tmp_path / "faces.csv"
    run(photos, out=out)
    before = out.read_bytes()
    with pytest.raises(AgeLensError, match=rf"was made with another .*--{next(iter(options))}; give another"):
        run(photos, out=out, **options)
    assert out.read_bytes() == before
    asked, _ = run(photos, out=out, overwrite=True, **options)
    assert len(asked) == 4


@pytest.mark.parametrize("name", ["notes.csv", "notes.json", "notes.jsonl"])
def test_what_is_somebodys_own_is_not_replaced(name: str, photos: Path, tmp_path: Path, run) -> None:
    own = tmp_path / name
    own.write_text('{"mine": 1}\n', encoding="utf-8")
    with pytest.raises(AgeLensError, match=r"was not written by AgeLens, or was changed since, so it is not"):
        run(photos, out=own)
    assert own.read_text(encoding="utf-8") == '{"mine": 1}\n'
    run(photos, out=own, overwrite=True)
    assert len(files_in(own)) >= 3
    # What somebody wrote into it since is theirs.
    with own.open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(AgeLensError, match="was changed since"):
        run(photos, out=own)


def test_an_empty_file_is_nothing_to_keep(photos: Path, tmp_path: Path, run) -> None:
    (tmp_path / "made by mktemp.csv").touch()
    run(photos, out=tmp_path / "made by mktemp.csv")
    assert len(files_in(tmp_path / "made by mktemp.csv")) == 3


def test_a_file_that_was_removed_is_written_again(photos: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "faces.csv"
    run(photos, out=out)
    out.unlink()
    assert run(photos, out=out)[0] == list(NAMES)


def test_the_same_relative_names_of_another_folder_are_other_photographs(
    photos: Path, tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "faces.csv"
    other = draw_photo(tmp_path / "other" / NAMES[1], "red")
    os.utime(other, (5, 5))
    monkeypatch.chdir(photos)
    run(Path(NAMES[1]), out=out)
    monkeypatch.chdir(other.parent)
    with pytest.raises(AgeLensError, match="photographs that are not named now"):
        run(Path(NAMES[1]), out=out)
    # The whole folder may be moved.
    monkeypatch.chdir(photos.rename(tmp_path / "moved"))
    assert run(Path(NAMES[1]), out=out)[1].endswith("it was finished before.")


def test_a_name_as_long_as_names_can_be(photos: Path, tmp_path: Path, run) -> None:
    out = tmp_path / ("x" * 251 + ".csv")
    run(photos, after=2, out=out)
    assert run(photos, out=out)[0] == list(NAMES[2:])
    assert run(photos, out=out)[0] == []


def test_names_that_are_no_text_go_on_in_csv(photos: Path, tmp_path: Path, run) -> None:
    odd = photos / "2 M\udcfcller.png"
    try:
        (photos / NAMES[1]).rename(odd)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this system has no names that are not text")
    out = tmp_path / "faces.csv"
    run(photos, out=out)
    draw_photo(photos / "1 new.png")
    assert run(photos, out=out)[0] == ["1 new.png"]
    fresh = tmp_path / "fresh.csv"
    run(photos, out=fresh)
    assert out.read_bytes() == fresh.read_bytes()


def test_failures_and_mistyped_names_are_in_the_closing_line(photos: Path, tmp_path: Path, run) -> None:
    (photos / "bad.png").write_bytes(b"no image")
    out = tmp_path / "faces.csv"
    _, told = run([photos, tmp_path / "mistyped.jpg", tmp_path / "*.gif"], out=out)
    assert told == (
        f"{out}: 6 faces in 3 photographs, 1 photograph without a face, 1 file that could not be read, "
        "2 names without a photograph."
    )
    # The bad one is tried again.
    draw_photo(photos / "bad.png").rename(photos / "5 good.png")
    assert run(photos, out=out)[0] == ["5 good.png"]


def test_a_place_that_takes_no_file_is_told_first(photos: Path, tmp_path: Path, run) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=f"'{tmp_path / 'file'}"):
        run(photos, out=tmp_path / "file" / "faces.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(AgeLensError, match=r"pipe\.csv is no file that could be written anew"):
        run(photos, out=tmp_path / "pipe.csv")
