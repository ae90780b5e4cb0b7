"""The command's function: lines, table and annotated video."""

import json
from pathlib import Path

import numpy as np
import pytest

from agelens.cli.errors import answer
from agelens.errors import AgeLensError
from agelens.inference.blur import Blur
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.video import pipeline
from agelens.inference.video.predict_video import predict_video
from tests.inference.video.moving_squares import SquarePredictor, draw, read_frames, write_video


def walk(number: int) -> tuple[float, float]:
    return 10 + 3 * number, 60.0


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mkv", [draw({"red": walk}, number) for number in range(50)])


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> SquarePredictor:
    made = SquarePredictor()
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: made)
    return made


def lines_of(text: str) -> tuple[list[dict], list[dict]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if "frame" in line], [line for line in lines if "frame" not in line]


def test_a_line_a_frame_and_then_one_a_track(clip: Path, predictor, capsys) -> None:
    assert predict_video(str(clip), PredictionConfig()) == 0
    said = capsys.readouterr()
    frames, tracks = lines_of(said.out)
    assert [line["frame"] for line in frames] == list(range(50))
    assert frames[10]["seconds"] == 0.4
    first = frames[10]["faces"][0]
    assert (first["track"], first["seen"]) == (1, 11)
    assert {"box", "score", "age_years", "age_low", "age_high", "p_female"} < first.keys()
    assert "age_distribution" not in first
    assert [(track["track"], track["frames"]) for track in tracks] == [(1, 50)]
    assert len(tracks[0]["age_distribution"]) == 117
    # The table is for the person.
    assert "female 88 %" in said.err
    assert "0.0 s" in said.err
    assert "2.0 s" in said.err


def test_faces_are_drawn_into_the_annotated_video(clip: Path, tmp_path: Path, predictor) -> None:
    out, annotated = tmp_path / "out" / "lines.jsonl", tmp_path / "annotated.mp4"
    assert predict_video(str(clip), PredictionConfig(out=out, pictures=annotated), frame_stride=2) == 0
    frames, _ = lines_of(out.read_text(encoding="utf-8"))
    pictures = list(read_frames(annotated))
    assert [frame["seconds"] for frame in frames] == pytest.approx([one.seconds for one in pictures])
    original = list(read_frames(clip, frame_stride=2))
    for before, after, frame in zip(original, pictures, frames, strict=True):
        _, top, right, bottom = (round(value) for value in frame["faces"][0]["box"])
        changed = np.abs(before.image.astype(int) - after.image).max(axis=2)
        # The frame of the face is drawn; far away nothing changed.
        assert changed[top : bottom + 1, right].mean() > 60
        assert changed[200:].max() < 40
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mkv", "out", "annotated.mp4"}
    assert {path.name for path in out.parent.iterdir()} == {"lines.jsonl", ".lines.jsonl.agelens.json"}


def test_what_a_cut_off_file_held_is_kept(clip: Path, tmp_path: Path, predictor, capsys) -> None:
    cut, out = tmp_path / "cut.mkv", tmp_path / "lines.jsonl"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size * 6 // 10])
    assert predict_video(str(cut), PredictionConfig(out=out, pictures=tmp_path / "a.mp4")) == 1
    frames, tracks = lines_of(out.read_text(encoding="utf-8"))
    assert 5 < len(frames) < 45
    assert len(tracks) == 1
    assert len(list(read_frames(tmp_path / "a.mp4"))) == len(frames)
    assert f"agelens: {cut} is cut off or damaged after" in capsys.readouterr().err


def test_nothing_is_left_of_a_file_without_frames(clip: Path, tmp_path: Path, predictor) -> None:
    cut, out = tmp_path / "cut.mkv", tmp_path / "lines.jsonl"
    cut.write_bytes(clip.read_bytes()[:1200])
    with pytest.raises(AgeLensError, match=r"holds no frame|cut off|not a video"):
        predict_video(str(cut), PredictionConfig(out=out))
    assert not out.exists()


class Interrupted(SquarePredictor):
    """Ctrl-C while the third batch is estimated."""

    def stream(self, images, *, rotations):
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return super().stream(images, rotations=rotations)


def test_ctrl_c_keeps_what_is_done(clip: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: Interrupted())
    monkeypatch.setattr(pipeline, "BATCH", 8)
    out = tmp_path / "lines.jsonl"
    assert predict_video(str(clip), PredictionConfig(out=out, pictures=tmp_path / "a.mp4")) == 1
    frames, tracks = lines_of(out.read_text(encoding="utf-8"))
    assert len(frames) == 16
    assert tracks[0]["frames"] == 16
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 16
    assert "agelens: Interrupted after 0.6 seconds" in capsys.readouterr().err


def test_files_that_cannot_be_written_are_refused_at_once(clip: Path, tmp_path: Path, predictor) -> None:
    with pytest.raises(AgeLensError, match="is a folder; give a file with --out"):
        predict_video(str(clip), PredictionConfig(out=tmp_path))
    with pytest.raises(AgeLensError, match="cannot take a video"):
        predict_video(str(clip), PredictionConfig(pictures=tmp_path / "folder"))
    with pytest.raises(AgeLensError, match="--out and --annotate both name"):
        predict_video(str(clip), PredictionConfig(out=tmp_path / "x.mp4", pictures=tmp_path / "x.mp4"))
    before = clip.read_bytes()
    with pytest.raises(AgeLensError, match="is the video itself"):
        predict_video(str(clip), PredictionConfig(pictures=clip))
    assert clip.read_bytes() == before
    with pytest.raises(AgeLensError, match="leave --crops out"):
        predict_video(str(clip), PredictionConfig(crops=True))
    with pytest.raises(AgeLensError, match="leave --crops-as-they-are out"):
        predict_video(str(clip), PredictionConfig(crops=True, as_they_are=True))
    (tmp_path / "own.mp4").write_bytes(before)
    for overwrite in (False, True):
        hidden = PredictionConfig(pictures=tmp_path / "own.mp4", blur=Blur(), overwrite=overwrite)
        with pytest.raises(AgeLensError, match=r"^--blur would replace .*own\.mp4, which was not drawn here"):
            predict_video(str(clip), hidden)
    for name in ("a.xlsx", "a.txt", "a", "a.mp4"):
        with pytest.raises(
            AgeLensError, match=r"a name that ends in \.csv, \.tsv, \.json, \.parquet, \.jsonl"
        ):
            predict_video(str(clip), PredictionConfig(out=tmp_path / name))
    assert predictor.batches == []


def test_a_video_without_faces_says_so(tmp_path: Path, predictor, capsys) -> None:
    path = write_video(tmp_path / "a.mp4", [draw({}, number) for number in range(3)])
    assert predict_video(str(path), PredictionConfig()) == 0
    said = capsys.readouterr()
    assert [json.loads(line)["faces"] for line in said.out.splitlines()] == [[], [], []]
    assert "No face was found." in said.err


def test_on_a_terminal_the_table_alone_is_said(clip: Path, predictor, capsys) -> None:
    assert predict_video(str(clip), PredictionConfig(form="table")) == 0
    said = capsys.readouterr()
    assert "{" not in said.out
    assert "female 88 %" in said.out


def test_without_the_extra_the_command_says_how_to_install_it(capsys) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'av'", name="av")

    assert answer(missing) == 2
    assert "pip install 'agelens[video]'" in capsys.readouterr().err
