"""What a video is written to, and that nothing else is replaced by it."""

import csv
import io
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
import pytest
from PIL import Image

from agelens.errors import AgeLensError
from agelens.inference.blur import Blur
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.selection import Selection
from agelens.inference.video import output as video_output
from agelens.inference.video import pipeline
from agelens.inference.video import predict_video as module
from agelens.inference.video import reader as video_module
from agelens.inference.video.output import FRAME_COLUMNS
from agelens.inference.video.predict_video import predict_video
from agelens.inference.video.reader import Video
from tests.inference.video.moving_squares import SquarePredictor, draw, read_frames, write_video


def walk(number: int) -> tuple[float, float]:
    return 10 + 3 * number, 60.0


class Interrupted(SquarePredictor):
    """Ctrl-C before a batch."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self._batch = batch

    def stream(self, images, *, rotations):
        if len(self.batches) == self._batch:
            raise KeyboardInterrupt
        return super().stream(images, rotations=rotations)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mkv", [draw({"red": walk}, number) for number in range(24)])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys):
    """Runs `predict_video`; gives its status, its predictor and the lines on standard error."""

    def work(source, interrupted: int | None = None, frame_stride: int = 1, **options: Any):
        predictor = SquarePredictor() if interrupted is None else Interrupted(interrupted)
        monkeypatch.setattr(PredictionConfig, "load", lambda *_: predictor)
        monkeypatch.setattr(pipeline, "BATCH", 8)
        capsys.readouterr()
        status = predict_video(str(source), PredictionConfig(**options), frame_stride)
        return status, predictor, capsys.readouterr().err.splitlines()

    return work


def test_one_json_document_of_frames_and_tracks(clip: Path, tmp_path: Path, run) -> None:
    run(clip, out=tmp_path / "a.jsonl")
    run(clip, out=tmp_path / "a.json")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert list(document) == ["frames", "tracks"]
    assert [len(document["frames"]), len(document["tracks"])] == [24, 1]
    assert [frame["frame"] for frame in document["frames"]] == [line["frame"] for line in lines[:24]]


def test_parquet_has_one_row_a_frame(clip: Path, tmp_path: Path, run) -> None:
    run(clip, out=tmp_path / "a.parquet")
    run(clip, out=tmp_path / "a.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()][
        :24
    ]
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [(row["frame"], row["seconds"]) for row in rows] == [
        (line["frame"], line["seconds"]) for line in lines
    ]
    (face,), (same,) = rows[9]["faces"], lines[9]["faces"]
    assert [face[name] for name in ("track", "seen", "age_years")] == [
        same[name] for name in ("track", "seen", "age_years")
    ]
    assert [face[name] for name in ("left", "top", "right", "bottom")] == same["box"]


def test_faces_of_a_video_are_blurred_for_publishing(clip: Path, tmp_path: Path, run) -> None:
    status, _, said = run(clip, pictures=tmp_path / "hidden.mkv", blur=Blur())
    assert (status, said[-1]) == (0, f"{tmp_path / 'hidden.mkv'}: 24 frames with the faces blurred.")
    run(clip, pictures=tmp_path / "drawn.mkv")
    hidden, drawn = (
        next(iter(read_frames(tmp_path / name))).image.astype(int) for name in ("hidden.mkv", "drawn.mkv")
    )
    # Boxes and words are drawn in one, and no line of them in the other.
    assert abs(hidden - drawn).max() > 100
    with pytest.raises(AgeLensError, match="--blur hides every face of a video"):
        run(clip, pictures=tmp_path / "b.mkv", blur=Blur(), selection=Selection(min_face=5))
    with pytest.raises(AgeLensError, match="--fields belongs to photographs"):
        run(clip, selection=Selection.of("box"))


def test_small_faces_of_a_video_are_left_out(clip: Path, tmp_path: Path, run) -> None:
    run(clip, out=tmp_path / "a.jsonl", selection=Selection(min_face=5000))
    assert '"track"' not in (tmp_path / "a.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_table_has_one_row_a_face(ending: str, clip: Path, tmp_path: Path, run) -> None:
    out = tmp_path / f"a.{ending}"
    run(clip, out=out)
    rows = list(
        csv.DictReader(
            out.read_text(encoding="utf-8").splitlines(), delimiter="," if ending == "csv" else "\t"
        )
    )
    assert tuple(rows[0]) == FRAME_COLUMNS
    assert [int(row["frame"]) for row in rows] == list(range(24))
    assert [row["seen"] for row in rows] == [str(number) for number in range(1, 25)]
    assert {row["track"] for row in rows} == {"1"}
    assert float(rows[5]["left"]) == pytest.approx(25, abs=2)
    assert 0 <= float(rows[5]["p_female"]) <= 1


def test_csv_on_standard_output(clip: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: SquarePredictor())
    assert predict_video(str(clip), PredictionConfig(form="csv")) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == ",".join(FRAME_COLUMNS)
    assert out.count("\n") == 25


def test_the_closing_lines_say_what_is_where(clip: Path, tmp_path: Path, run) -> None:
    out, drawn = tmp_path / "a.csv", tmp_path / "a.mp4"
    status, _, said = run(clip, out=out, pictures=drawn)
    assert status == 0
    assert said[-2:] == [
        f"{out}: 24 frames of {clip} with 1 track of faces.",
        f"{drawn}: 24 frames with the faces drawn in.",
    ]


def test_a_finished_video_is_told_and_not_done_again(clip: Path, tmp_path: Path, run) -> None:
    options = {"out": tmp_path / "a.jsonl", "pictures": tmp_path / "a.mp4"}
    run(clip, **options)
    before = {name: path.read_bytes() for name, path in options.items()}
    status, predictor, said = run(clip, **options)
    assert (status, predictor.batches) == (0, [])
    assert said == [
        f"{tmp_path / 'a.jsonl'}: 24 frames of {clip} with 1 track of faces. It was finished before."
    ]
    # The annotated video was removed: it is drawn again.
    options["pictures"].unlink()
    status, predictor, _ = run(clip, **options)
    assert predictor.batches == [8, 8, 8]
    assert len(list(read_frames(options["pictures"]))) == 24
    assert len(before["out"].splitlines()) == len(options["out"].read_bytes().splitlines())


def test_what_is_of_another_video_or_of_nothing_here_stays(clip: Path, tmp_path: Path, run) -> None:
    out, drawn = tmp_path / "a.jsonl", tmp_path / "a.mp4"
    run(clip, out=out, pictures=drawn)
    other = write_video(tmp_path / "other.mkv", [draw({}, number) for number in range(5)])
    before = out.read_bytes(), drawn.read_bytes()
    with pytest.raises(AgeLensError, match="was made with another video; give another --out, or replace it"):
        run(other, out=out)
    with pytest.raises(AgeLensError, match="was made with another --frame-stride"):
        run(clip, frame_stride=2, out=out)
    with pytest.raises(AgeLensError, match="was drawn of another video; give another --annotate, or replace"):
        run(other, pictures=drawn)
    own = tmp_path / "own.mp4"
    own.write_bytes(other.read_bytes())
    for overwrite in (False, True):
        with pytest.raises(AgeLensError, match=r"would replace .*own\.mp4, which was not drawn here"):
            run(clip, pictures=own, overwrite=overwrite)
    assert (out.read_bytes(), drawn.read_bytes(), own.read_bytes()) == (*before, other.read_bytes())
    (tmp_path / "notes.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(AgeLensError, match="was not written by AgeLens"):
        run(clip, out=tmp_path / "notes.csv")
    run(other, out=out, pictures=drawn, overwrite=True)
    assert out.read_bytes().count(b"\n") == 5
    assert len(list(read_frames(drawn))) == 5


def test_a_part_never_replaces_more(clip: Path, tmp_path: Path, run) -> None:
    out, drawn = tmp_path / "a.jsonl", tmp_path / "a.mp4"
    status, _, said = run(clip, interrupted=1, out=out, pictures=drawn)
    assert status == 1
    assert said[-1] == f"agelens: Interrupted after 0.3 seconds of {clip}; 8 frames are kept."
    assert len(list(read_frames(drawn))) == 8
    # The same command begins again, and is interrupted earlier, later, and not at all.
    with pytest.raises(KeyboardInterrupt):
        run(clip, interrupted=0, out=out, pictures=drawn)
    run(clip, interrupted=2, out=out, pictures=drawn)
    assert len(list(read_frames(drawn))) == 16
    with pytest.raises(AgeLensError, match=r"8 frames are kept.*holds more, so it stays as it was") as caught:
        run(clip, interrupted=1, out=out, pictures=drawn)
    assert "Interrupted after 0.3 seconds" in str(caught.value)
    assert len(list(read_frames(drawn))) == 16
    assert run(clip, out=out, pictures=drawn)[0] == 0
    with pytest.raises(AgeLensError, match="holds more"):
        run(clip, interrupted=2, pictures=drawn)
    assert len(list(read_frames(drawn))) == 24
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_reader_of_lines_that_leaves_keeps_the_pictures(
    clip: Path, tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leaving(io.StringIO):
        def write(self, text: str) -> int:
            if self.tell() > 2000:
                raise BrokenPipeError
            return super().write(text)

    monkeypatch.setattr("sys.stdout", Leaving())
    assert run(clip, form="json", pictures=tmp_path / "a.mp4")[0] == 1
    assert 3 < len(list(read_frames(tmp_path / "a.mp4"))) < 24
    monkeypatch.setattr("sys.stdout", Leaving())
    with pytest.raises(BrokenPipeError):
        run(clip, form="json")


def test_what_is_said_after_ctrl_c_is_true_without_a_file(clip: Path, run) -> None:
    for form, words in (("table", "are summed up above"), ("json", "stand above")):
        status, _, said = run(clip, interrupted=1, form=form)
        assert status == 1
        assert said[-1] == f"agelens: Interrupted after 0.3 seconds of {clip}; 8 frames {words}."


def test_a_damaged_video_is_finished_and_stays_damaged(clip: Path, tmp_path: Path, run) -> None:
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size * 6 // 10])
    status, _, said = run(cut, out=tmp_path / "a.csv")
    again, predictor, told = run(cut, out=tmp_path / "a.csv")
    assert (status, again, predictor.batches) == (1, 1, [])
    assert told[-1] == said[-1]
    assert "is cut off or damaged after" in told[-1]


def test_a_full_disk_under_the_pictures_ends_them_alone(clip: Path, tmp_path: Path, run, small_disk) -> None:
    disk = small_disk("4k")
    status, _, said = run(clip, out=tmp_path / "a.jsonl", pictures=disk.folder / "a.mp4")
    assert status == 1
    assert [line for line in said if "No space" in line] == [
        f"agelens: {disk.folder / 'a.mp4'} cannot be written: No space left on device; the rest goes on without it."
    ]
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == 25
    assert list(disk.folder.iterdir()) == []


def test_a_full_disk_under_the_lines_leaves_nothing_half(clip: Path, tmp_path: Path, run, small_disk) -> None:
    disk = small_disk("4k")
    with pytest.raises(OSError, match="No space left") as caught:
        run(clip, out=disk.folder / "a.jsonl")
    assert caught.value.filename == str(disk.folder / "a.jsonl")
    assert list(disk.folder.iterdir()) == []


@pytest.fixture
def served(clip: Path, tmp_path: Path):
    """The folder of the clip as an address."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_is_read_as_a_file_is(served: str, clip: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "a.csv"
    address = served.replace("//", "//me:secret@") + "/clip.mkv"
    status, _, said = run(address, out=out)
    assert status == 0
    assert (
        said[-1] == f"{out}: 24 frames of {served.replace('//', '//me:***@')}/clip.mkv with 1 track of faces."
    )
    assert "secret" not in "".join(path.read_text() for path in tmp_path.glob(".a.csv*"))


def test_a_playlist_with_an_end_is_a_file_and_one_without_is_live(
    served: str, clip: Path, tmp_path: Path
) -> None:
    with av.open(str(tmp_path / "live.m3u8"), "w", format="hls", options={"hls_list_size": "0"}) as target:
        stream = target.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(draw({"red": walk}, number), format="rgb24")
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    with Video(f"{served}/live.m3u8") as video:
        assert not video.live
        assert len(list(video.read())) == 10
    playlist = tmp_path / "live.m3u8"
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST\n", ""))
    with Video(f"{served}/live.m3u8") as video:
        assert video.live
        assert next(video.read()).image.shape == (240, 320, 3)


def test_addresses_that_cannot_be_opened_are_sentences(served: str, tmp_path: Path) -> None:
    for address in (f"{served}/gone.mp4", "http://127.0.0.1:9/a.m3u8", "rtsp://me:secret@127.0.0.1:9/live"):
        with pytest.raises(AgeLensError, match=r"cannot be opened \(.+\); see that the address is right"):
            Video(address)
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(AgeLensError, match=r"a\.png is a picture or a text and not a video"):
        Video(f"{served}/a.png")
    with pytest.raises(AgeLensError) as caught:
        Video("rtsp://me:secret@127.0.0.1:9/live")
    assert str(caught.value).startswith("rtsp://me:***@127.0.0.1:9/live cannot be opened")


def test_what_a_camera_saw_is_not_replaced(tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str) -> av.container.InputContainer:
        return av.open("testsrc=size=160x120:rate=50:duration=0.3", format="lavfi")

    monkeypatch.setattr(video_module, "open_camera", opened)
    out = tmp_path / "a.jsonl"
    assert run("0", out=out)[0] == 0
    before = out.read_bytes()
    with pytest.raises(AgeLensError, match="holds what was seen before; give another --out, or replace it"):
        run("0", out=out)
    assert out.read_bytes() == before
    assert run("0", out=out, overwrite=True)[0] == 0


def test_two_commands_do_not_write_one_file(clip: Path, tmp_path: Path, run) -> None:
    with (
        module.only_writer(tmp_path / "a.csv"),
        pytest.raises(AgeLensError, match="Another agelens is at work"),
    ):
        run(clip, out=tmp_path / "a.csv")


def test_an_annotated_video_is_known_again(clip: Path, tmp_path: Path, run) -> None:
    for ending in (".mp4", ".mkv", ".mov"):
        drawn = tmp_path / f"drawn{ending}"
        run(clip, pictures=drawn)
        assert video_output.frames_drawn(drawn, str(clip), False, "--annotate") == 24
        assert b"clip" not in drawn.read_bytes()
