"""The command line as its users meet it: statuses, sentences, and what stands on which stream."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import typer
from PIL import Image

import agelens as package
from agelens.bundles.bundle import find_bundles
from agelens.cli import errors as cli_errors
from agelens.cli.main import app
from agelens.serving.limits import Limits

COMMANDS = (
    "align",
    "annotations",
    "audit",
    "explore",
    "compare",
    "compare-models",
    "train",
    "evaluate",
    "export",
    "label-issues",
    "predict",
    "serve",
    "run",
    "stress",
    "demo",
    "devices",
    "fetch",
)
HEAVY = {
    "numpy",
    "pandas",
    "keras",
    "tensorflow",
    "openvino",
    "cv2",
    "matplotlib",
    "plotly",
    "scipy",
    "sklearn",
}
FACE = "26_1_2_20170116184024662.jpg"


def in_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program that gets its arguments as a command line would."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def in_shell(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agelens", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def is_one_sentence(text: str) -> bool:
    lines = text.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("agelens: ") and "Traceback" not in text


# --- light start ---


LOADED = """
import json, sys
from agelens.cli.main import main
sys.argv[0] = "agelens"
try:
    main()
except SystemExit as ended:
    status = ended.code
loaded = {name.split(".")[0] for name, module in sys.modules.items() if module is not None}
print(json.dumps([status, sorted(loaded)]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["train", "--help"], ["--nonsense"]], ids=" ".join
)
def test_answers_that_need_no_work_load_nothing_heavy(arguments: list[str]) -> None:
    answer = in_python(LOADED, *arguments)
    status, modules = json.loads(answer.stderr.splitlines()[-1])
    assert not HEAVY & set(modules)
    assert status == (2 if "--nonsense" in arguments else 0)


def test_importing_the_package_loads_nothing_heavy_and_every_public_name_is_there() -> None:
    answer = in_python(
        "import sys, agelens; print(*{name.split('.')[0] for name, module in sys.modules.items() if module})"
    )
    assert not HEAVY & set(answer.stdout.split())
    assert set(package.__all__) >= {
        "load",
        "read_faces",
        "audit",
        "split",
        "Predictor",
        "Face",
        "__version__",
    }
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert package.load.__module__ == "agelens.inference.predictor"
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        package.nonsense  # noqa: B018


def test_the_version_is_the_packages() -> None:
    assert in_shell("--version").stdout == f"agelens {package.__version__}\n"


# A server answers until it is stopped: it has neither a result nor anything that is left to chance.
@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"serve", "devices"}))
def test_every_command_takes_out_and_json_and_a_seed_where_something_is_drawn_by_chance(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--out", "--json"} <= options
    assert ("--seed" in options) == (name not in {"predict", "export", "fetch", "annotations"})


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(typer.main.get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]


# --- extras ---


BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

blocked = set(sys.argv.pop(1).split(","))

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv[0] = "agelens"
from agelens.cli.main import main
main()
"""
EXTRAS = "keras,tensorflow,sklearn,scipy,plotly,matplotlib,imagehash,onnx,jinja2,tensorboardX,ml_dtypes"


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["train", "FACES", "--out", "RUN"], "keras"),
        (["compare", "FACES", "--out", "RUN"], "keras"),
        (["demo", "--out", "RUN"], "keras"),
        (["audit", "FACES", "--out", "RUN"], "imagehash"),
        (["explore", "FACES", "--out", "RUN"], "plotly"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_a_missing_extra_is_named_with_the_way_to_get_it(
    tmp_path: Path, faces_folder: Path, arguments: list[str], missing: str
) -> None:
    places = {"FACES": faces_folder, "RUN": tmp_path / "run"}
    answer = in_python(BLOCKED, missing, *(places.get(word, word) for word in arguments))
    assert answer.returncode == 2
    assert answer.stdout == ""
    last = answer.stderr.splitlines()[-1]
    assert last == f"agelens: This needs {missing}, which comes with: pip install 'agelens[train]'"
    assert "Traceback" not in answer.stderr


def test_a_light_installation_predicts(study, faces_folder: Path) -> None:
    faces = [path for path in study_files(study) if path.is_file()][:3]
    answer = in_python(BLOCKED, EXTRAS, "predict", "--crops", "--bundle", study.folder, *faces)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert [json.loads(line)["file"] for line in answer.stdout.splitlines()] == [str(face) for face in faces]


def test_a_keras_backend_that_is_not_there_is_a_sentence(tmp_path: Path, faces_folder: Path) -> None:
    command = [sys.executable, "-m", "agelens", "train", str(faces_folder), "--out", str(tmp_path / "run")]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "KERAS_BACKEND": "nonsense"}
    )
    assert answer.returncode == 2
    assert is_one_sentence(answer.stderr)
    assert "KERAS_BACKEND" in answer.stderr


# --- wrong calls ---


WRONG_CALLS = {
    "--nonsense": "No such option: --nonsense",
    "nonsense": "No such command 'nonsense'",
    "audit --nonsense": "No such option: --nonsense",
    "demo a": "unexpected extra argument",
    "audit NOWHERE --out RUN": "does not exist; give a folder of UTKFace images or a .csv manifest",
    "audit FACES --out RUN --limit 3": "'--limit'",
    "audit FACES --out RUN --seed -1": "'--seed'",
    "audit FACES --out RUN --seed 4294967296": "'--seed'",
    "audit FACES --out RUN --split-ratios 80/20": "'80/20' is no split ratio; write three numbers above 0",
    "train FACES --out RUN --split-ratios 90/10/0": "write three numbers above 0 for train, validation, test",
    "audit FACES --out FILE": "is a file; give a folder with --out",
    "audit FACES --out FILE/run": "cannot be used: a file stands where a folder is needed",
    "audit FACES --out /proc/run": "cannot be used: No such file or directory",
    "audit FILE --out RUN": "is neither a folder of images nor a .csv manifest",
    "explore --out RUN": "holds no study yet",
    "compare --out STUDY --backbones Nonsense": "There is no backbone 'Nonsense'; known are VGG16",
    "compare --out STUDY --backbones SmallConv,SmallConv --weights random": "one is named twice",
    "compare --out STUDY --head nonsense": "'flatten', 'avg-pool'",
    "compare --out STUDY --backbones SmallConv --weights NOWHERE": "The weights file",
    "train --out STUDY --task nonsense": "'age', 'gender', 'both'",
    "train --out STUDY --recipe nonsense": "'notebook', 'scratch'",
    "train --out STUDY --learning-rate -1": "'--learning-rate'",
    "train --out STUDY --recipe finetune --augmented-views 0": "at least 1 for --recipe finetune",
    "train --out STUDY --recipe finetune": "name its file with --pretrained FILE",
    "train --out STUDY --recipe finetune --pretrained NOWHERE": "does not exist; give the file of a face network",
    "train --out STUDY --recipe finetune --pretrained FILE": "is neither a .h5 nor an .onnx file",
    "train --out STUDY --recipe finetune --pretrained FILE --frozen": "leave out --trainable, --frozen",
    "train --out STUDY --recipe scratch --notebook-exact": "leave out --trainable and any --recipe but notebook",
    "train --out STUDY --trainable --notebook-exact": "leave out --trainable and any --recipe but notebook",
    "train --out STUDY --pretrained FILE": "belongs to --recipe finetune or adapt",
    "export FOLDER/bundle --out STUDY": "holds a network for each task",
    "export FOLDER/bundle --out RUN": "holds no bundle",
    "evaluate --out RUN": "holds no study yet",
    "evaluate --out STUDY --split nonsense": "'train', 'validation', 'test', 'all'",
    "evaluate --out STUDY --bundle NOWHERE": "holds no bundle",
    "evaluate --out STUDY --split train": "were used to train, choose or calibrate the age network (train ",
    "evaluate --out STUDY --age-limits 18+": "--age-limits takes whole years from 1 to 116",
    "evaluate --out STUDY --max-false-positives 2": "'--max-false-positives'",
    "compare-models STUDY NOWHERE STUDY --out RUN": "holds no bundle",
    "compare-models STUDY NOWHERE.csv STUDY --out RUN": "does not exist; name a file of predictions or a bundle",
    "predict": "Give photographs, folders of them, or a video with --video",
    "predict FACES --video FILE": "Give photographs, or a video with --video",
    "predict FACES --bundle STUDY --frame-stride 3": "--frame-stride and --duration belong to a video",
    "predict FACES --bundle STUDY --annotate FILE": "cannot be used",
    "predict --video NOWHERE": "does not exist",
    "predict --video FILE": "is not a video",
    "predict --video FILE --frame-stride 0": "'--frame-stride'",
    "predict --crops NOWHERE --bundle STUDY": "does not exist; give image files or a folder of them",
    "predict --crops FACES --bundle NOWHERE": "holds no bundle",
    "predict FACES --bundle STUDY --precision nonsense": "'auto', 'bf16', 'f32'",
    "predict FACES --bundle STUDY --detector-model NOWHERE": "does not exist; give an ONNX file",
    "predict FACES --bundle STUDY --detector-model FILE": "is not an ONNX network",
    "predict FACES --bundle STUDY --json --csv": "Give --json or --csv, not both",
    "predict FACES --bundle STUDY --crops --out NOWHERE": "has no ending, and results are not written in that form",
    "predict FACES --bundle STUDY --crops --out NOWHERE.xlsx": "give a name that ends in .csv, .tsv, .json",
    "predict --video NOWHERE --out NOWHERE.xlsx": "give a name that ends in .csv, .tsv, .json",
    "predict FACES --bundle STUDY --crops --json --out NOWHERE.csv": "do not agree",
    "predict FACES --bundle STUDY --crops --out FILE/faces.csv": "a file stands where a folder is needed",
    "predict rtsp://camera/live --bundle STUDY": "give it as --video 'rtsp://camera/live'",
    "predict https://example.org/live.m3u8 --bundle STUDY": "give it as --video",
    "predict --video rtsp://127.0.0.1:9/live": "cannot be opened",
    "predict FACES --crops --bundle STUDY --annotate FOLDER": "needs faces with boxes, and --crops has none",
    "predict FACES --bundle STUDY --annotate FACES": "would replace",
    "predict FACES --crops --bundle STUDY --out FOLDER": "is a folder; give a file with --out",
    "serve --bundle NOWHERE --port 0": "holds no bundle",
    "serve --host nowhere.invalid": "nowhere.invalid",
    "serve --port 70000": "'--port'",
    "demo --faces 3": "'--faces'",
    "fetch nonsense": "There is nothing called 'nonsense' to fetch",
    "fetch SmallConv": "SmallConv has no ImageNet weights",
}


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_a_wrong_call_is_one_sentence(call: str, agelens, study, tmp_path: Path, faces_folder: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    places = {
        "FACES": faces_folder, "STUDY": study.folder, "RUN": tmp_path / "run", "NOWHERE": tmp_path / "nowhere",
        "FILE": tmp_path / "file", "FILE/run": tmp_path / "file" / "run",
        "FILE/faces.csv": tmp_path / "file" / "faces.csv", "FOLDER": tmp_path / "folder",
    }  # fmt: skip
    answer = agelens(*(places.get(word, word) for word in call.split()))
    assert answer.status == 2
    assert answer.out == ""
    assert is_one_sentence(answer.err)
    assert WRONG_CALLS[call] in answer.err
    assert "Value error" not in answer.err
    assert not (tmp_path / "run" / "table.csv").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--seed", "3"], "seed 42 and not 3"),
        (["--limit", "40"], "limit none and not 40"),
        (["--split-ratios", "86/4/10"], "split ratios 80/10/10 and not 86/4/10"),
    ],
    ids=["seed", "limit", "split_ratios"],
)
def test_a_run_refuses_another_seed_limit_or_split(agelens, study, change: list[str], words: str) -> None:
    for source in ([], [study.source]):
        answer = agelens("audit", *source, "--out", study.folder, *change)
        assert answer.status == 2
        assert is_one_sentence(answer.err)
        assert words in answer.err


def test_a_run_refuses_another_source(agelens, study, tmp_path: Path) -> None:
    shutil.copytree(study.source, tmp_path / "others")
    answer = agelens("audit", tmp_path / "others", "--out", study.folder)
    assert answer.status == 2
    assert f"was begun with source {study.source} and not {tmp_path / 'others'}" in answer.err


# --- bad input ---


def bad_empty(folder: Path) -> None:
    pass


def bad_text(folder: Path) -> None:
    (folder / "notes.txt").write_text("no face")


def bad_disguised(folder: Path) -> None:
    (folder / FACE).write_text("no face")


def bad_truncated(folder: Path) -> None:
    Image.radial_gradient("L").convert("RGB").save(folder / FACE, quality=90)
    (folder / FACE).write_bytes((folder / FACE).read_bytes()[:2000])


def bad_zero_bytes(folder: Path) -> None:
    (folder / FACE).touch()


BAD = {
    bad_empty: ("is empty; give the folder", "holds no image"),
    bad_text: ("holds no image that can be used", "holds no image"),
    bad_disguised: (f"{FACE} is not an image of a known format", f"{FACE} is not an image of a known format"),
    bad_truncated: (f"{FACE} is not a whole JPEG", f"{FACE} is not a whole JPEG"),
    bad_zero_bytes: (f"{FACE} is empty", f"{FACE} is empty"),
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_input_without_a_face_is_a_sentence(
    make: Callable[[Path], None], agelens, study, tmp_path: Path
) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    make(folder)
    audit = agelens("audit", folder, "--out", tmp_path / "run")
    predict = agelens(
        "predict", "--crops", folder, "--bundle", study.folder, "--out", tmp_path / "lines.jsonl"
    )
    for answer, words in zip((audit, predict), BAD[make], strict=True):
        assert answer.status == 2
        assert answer.out == ""
        assert words in answer.err
        assert "Traceback" not in answer.err
    assert not (tmp_path / "run" / "table.csv").exists()
    assert not (tmp_path / "lines.jsonl").exists()


def test_odd_images_are_faces_too(agelens, study, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    colours = Image.merge(
        "RGB", [Image.radial_gradient("L"), Image.linear_gradient("L"), Image.new("L", (256, 256))]
    )
    colours.convert("CMYK").save(folder / "20_0_0_1.jpg")
    colours.convert("L").save(folder / "30_1_1_2.jpg")
    Image.new("RGB", (1, 1), "teal").save(folder / "40_0_2_3.jpg")
    colours.save(folder / "50_1_3_4.png")
    audit = agelens("audit", folder, "--out", tmp_path / "run", "--json")
    assert audit.status == 0, audit.err
    found = json.loads(audit.out)
    # One pixel shows no face; the audit leaves it out and says why.
    assert [one["file"] for one in found["lists"]["unreadable"]] == ["40_0_2_3.jpg"]
    assert found["usable"] == 3
    predict = agelens("predict", "--crops", folder, "--bundle", study.folder)
    assert predict.status == 0, predict.err
    assert len(predict.out.splitlines()) == 4


def test_too_few_faces_for_a_training_part_are_a_sentence(agelens, tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    Image.radial_gradient("L").save(tmp_path / "faces" / FACE)
    answer = agelens("train", tmp_path / "faces", "--out", tmp_path / "run", "--recipe", "scratch")
    assert answer.status == 2
    assert "too few for the splits train, validation, test" in answer.err
    assert "Traceback" not in answer.err


def test_one_bad_file_among_good_ones_is_part_of_the_work(agelens, study, tmp_path: Path) -> None:
    good = study_files(study)[:2]
    bad_truncated(tmp_path)
    paths = [good[0], tmp_path / FACE, good[1]]
    answer = agelens("predict", "--crops", *paths, "--bundle", study.folder)
    assert answer.status == 1
    assert [json.loads(line)["file"] for line in answer.out.splitlines()] == [str(good[0]), str(good[1])]
    assert f"{tmp_path / FACE} is not a whole JPEG" in answer.err
    assert answer.err.endswith("agelens: 1 of 3 files could not be read.\n")
    out = tmp_path / "lines.jsonl"
    written = agelens("predict", "--crops", *paths, "--bundle", study.folder, "--out", out)
    assert (written.status, written.out) == (1, "")
    assert out.read_text() == answer.out


# --- results ---


def test_standard_output_of_each_step_is_one_json_document(study) -> None:
    found = {name: json.loads(said.out) for name, said in study.said.items()}
    assert all(said.out.count("\n") == 1 for said in study.said.values())
    assert {"images", "malformed", "unreadable", "duplicate_groups", "near_duplicate_groups"} <= set(
        found["audit"]
    )
    assert found["audit"]["label_conflicts"] == {"age": 3, "gender": 1}
    assert found["audit"] == json.loads((study.folder / "audit.json").read_text())
    for task, metric in (("age", "mae"), ("gender", "accuracy")):
        one = found["compare"][task]["SmallConv"]
        assert {f"train_{metric}", f"val_{metric}", f"val_{metric}_ci95"} <= set(one)
        assert {"images_per_second", "parameters", "weights"} <= set(one)
        assert len(one[f"train_{metric}"]) == len(one[f"val_{metric}"]) == 2
    assert found["compare"] == json.loads((study.folder / "comparison.json").read_text())
    assert set(found["train"]) == {"age", "gender"}
    assert {"mae", "mae_ci95", "cs5", "rmse", "bias", "baseline_mae", "groups"} <= set(
        found["evaluate"]["age"]
    )
    wanted = {"accuracy", "accuracy_ci95", "auc", "baseline_accuracy", "groups"}
    assert wanted <= set(found["evaluate"]["gender"])
    assert found["evaluate"] == json.loads((study.folder / "evaluation.json").read_text())


def test_predictions_are_one_json_line_an_image(agelens, study) -> None:
    faces = study_files(study)[:3]
    answer = agelens("predict", "--crops", "--json", *faces, "--bundle", study.folder)
    assert answer.status == 0
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["file"] for line in lines] == [str(face) for face in faces]
    for line in lines:
        assert set(line) == {"file", "faces"}
        assert [set(face) for face in line["faces"]] == [{"age_years", "age_low", "age_high", "p_female"}]
        assert 0 <= line["faces"][0]["p_female"] <= 1


def test_the_whole_study_takes_what_is_done_and_reports(agelens, study, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(study.folder, copy)
    before = {path: path.stat().st_mtime_ns for path in copy.glob("*/network.onnx")}
    answer = agelens(
        "run", study.source, "--out", copy, "--json", "--backbones", "SmallConv", "--weights", "random",
        "--image-size", "32", "--recipe", "scratch", "--epochs", "2", "--cache", study.cache, "--precision", "f32",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert Path(result["report"]).stat().st_size > 100_000
    assert (copy / "exploration.json").exists()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    again = agelens("evaluate", "--out", copy, "--precision", "f32")
    assert again.status == 0
    assert re.match(r"age +MAE [\d.]+ years \[", again.out)
    assert "evaluate: done before" in again.err
    # The study's own config.json gives all its options back.
    repeated = agelens("run", "--config", copy / "config.json", "--out", copy, "--json")
    assert json.loads(repeated.out) == result
    steps = ("audit", "explore", "compare", "train-age", "train-gender", "evaluate")
    assert [step for step in steps if f"{step}: done before" not in repeated.err] == []


# --- interruptions and disks ---


def test_an_interrupted_command_says_so(agelens, monkeypatch: pytest.MonkeyPatch, study) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agelens.inference.prediction_config.PredictionConfig.load", interrupt)
    answer = agelens("predict", "--crops", study.source, "--bundle", study.folder)
    assert answer.status == 130
    assert is_one_sentence(answer.err)
    assert "Interrupted before anything was estimated" in answer.err
    answer = agelens(
        "predict", "--crops", study.source, "--bundle", study.folder, "--out", study.folder / "o.csv"
    )
    assert answer.status == 130
    assert "Interrupted before anything was estimated, so nothing was written" in answer.err

    def interrupt_later(*_: object) -> None:
        raise KeyboardInterrupt("Interrupted; this is what there is.")

    monkeypatch.setattr("agelens.inference.predict_files._to_stream", interrupt_later)
    monkeypatch.setattr("agelens.inference.prediction_config.PredictionConfig.load", lambda *_: None)
    answer = agelens("predict", "--crops-as-they-are", study.source, "--bundle", study.folder)
    assert answer.err == "agelens: Interrupted; this is what there is.\n"


EARLY = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "agelens.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from agelens.__main__ import main
main()
"""


def test_an_interruption_while_the_program_loads_is_a_sentence(capsys) -> None:
    early = in_python(EARLY)
    assert (early.returncode, early.stderr) == (130, "agelens: Interrupted before anything was done.\n")

    def interrupt() -> None:
        raise KeyboardInterrupt

    for begun, words in ((False, "before anything was done"), (True, "goes on from what is done")):
        assert cli_errors.answer(interrupt, lambda begun=begun: begun) == 130
        assert words in capsys.readouterr().err


def test_nothing_is_said_after_the_help(agelens) -> None:
    answer = agelens()
    assert "Usage" in answer.out + answer.err
    assert "agelens: " not in answer.err


def test_an_interrupted_training_goes_on_and_ends_as_an_undisturbed_one(
    agelens, study, tmp_path: Path
) -> None:
    for name in ("config.json", "table.csv", "audit.json", "audit.html"):
        (tmp_path / "run").mkdir(exist_ok=True)
        shutil.copy(study.folder / name, tmp_path / "run" / name)
    command = study.command("train", tmp_path / "run")
    # What a shell runs in the background ignores Ctrl-C, and hands that on; this process is to hear it.
    process = subprocess.Popen(
        [sys.executable, "-m", "agelens", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    states = tmp_path / "run" / "training" / "age"
    while not list(states.glob("*/state.json")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1].startswith("agelens: Interrupted")
    assert "Traceback" not in err
    assert not (tmp_path / "run" / "gender").exists()
    assert agelens(*command).status == 0
    same_estimates(study.folder, tmp_path / "run")


LEFT = """
import atexit, sys
from agelens.cli.errors import leave
engine, status = sys.argv[1], int(sys.argv[2])
sys.modules[engine] = sys
atexit.register(print, "Python's end")
print("result")
print("sentence", file=sys.stderr)
leave(status)
"""


@pytest.mark.parametrize(
    ("engine", "status", "lines"),
    [("none", 0, ["result", "Python's end"]), ("none", 2, ["result", "Python's end"]),
     ("tensorflow", 0, ["result", "Python's end"]), ("tensorflow", 130, ["result"])],
)  # fmt: skip
def test_what_broke_off_beside_tensorflow_ends_without_pythons_end(
    engine: str, status: int, lines: list[str]
) -> None:
    left = in_python(LEFT, engine, status)
    assert (left.returncode, left.stdout.splitlines(), left.stderr) == (status, lines, "sentence\n")


def test_a_full_disk_under_the_audit(agelens, study, small_disk) -> None:
    disk = small_disk("24k")
    run = disk.folder / "run"
    answer = agelens(*study.command("audit", run))
    assert_full(answer, run)
    assert not list(run.rglob("*.partial*"))
    assert not (run / "table.csv").exists()
    later = agelens("explore", "--out", run)
    assert "holds no study yet" in later.err
    disk.remount("size=1m")
    assert agelens(*study.command("audit", run)).status == 0
    assert (run / "table.csv").read_bytes() == (study.folder / "table.csv").read_bytes()


def test_a_full_disk_under_the_features(agelens, study, small_disk, tmp_path: Path) -> None:
    disk = small_disk("200k")
    run = tmp_path / "run"
    converting = agelens(*study.command("compare", run, disk.folder / "cache"))
    assert_full(converting, disk.folder)
    disk.remount("size=420k")
    storing = agelens(*study.command("compare", run, disk.folder / "cache"))
    assert_full(storing, disk.folder)
    assert not (run / "comparison.json").exists()
    disk.remount("size=8m")
    done = agelens(*study.command("compare", run, disk.folder / "cache"))
    assert done.status == 0, done.err
    reference = json.loads(study.said["compare"].out)
    assert json.loads(done.out)["age"]["SmallConv"]["val_mae"] == reference["age"]["SmallConv"]["val_mae"]


def test_a_full_disk_under_the_training(agelens, study, small_disk) -> None:
    disk = small_disk("700k")
    run = disk.folder / "run"
    run.mkdir()
    for name in ("config.json", "table.csv", "audit.json", "audit.html"):
        shutil.copy(study.folder / name, run / name)
    # Too small for a state of the training; then for the second state beside the first; then for the bundle.
    for size in ("700k", "1900k", "2300k"):
        disk.remount(f"size={size}")
        answer = agelens(*study.command("train", run))
        assert_full(answer, run)
        assert not (run / "gender" / "SHA256SUMS").exists()
    disk.remount("size=16m")
    assert agelens(*study.command("train", run)).status == 0
    assert not list(run.rglob(".partial*"))
    same_estimates(study.folder, run)


def test_a_full_disk_behind_standard_output(study) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = [sys.executable, "-m", "agelens", "predict", "--crops", str(study_files(study)[0])]
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [*command, "--bundle", str(study.folder)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert answer.returncode == 2
    assert is_one_sentence(answer.stderr)
    assert "The disk is full" in answer.stderr


def test_a_reader_that_has_enough_is_no_error(study) -> None:
    command = [sys.executable, "-m", "agelens", "predict", "--crops", str(study_files(study)[0])]
    process = subprocess.Popen(
        [*command, "--bundle", str(study.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait() == 1


def test_a_reader_gets_each_line_at_once_and_may_leave(study) -> None:
    faces = [str(face) for face in study_files(study)[:3]]
    # More than a pipe holds, were the lines kept back until it is full or the command ends.
    command = [sys.executable, "-m", "agelens", "predict", "--crops", *faces * 200]
    process = subprocess.Popen(
        [*command, "--bundle", str(study.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["file"] == faces[0]
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait(timeout=60) in (0, 1)


def test_a_read_only_folder_is_a_sentence(agelens, study, small_disk) -> None:
    disk = small_disk("1m")
    disk.remount("ro")
    audit = agelens("audit", study.source, "--out", disk.folder / "run")
    inside = agelens("audit", study.source, "--out", disk.folder)
    lines = agelens(
        "predict", "--crops", study.source, "--bundle", study.folder, "--out", disk.folder / "lines.jsonl"
    )
    for answer in (audit, inside, lines):
        assert answer.status == 2
        assert answer.out == ""
        assert is_one_sentence(answer.err)
        assert f"{disk.folder}" in answer.err
        assert "Read-only file system" in answer.err


def assert_full(answer, place: Path) -> None:
    assert answer.status == 2, answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err
    last = answer.err.splitlines()[-1]
    assert last.startswith("agelens: ")
    assert str(place) in last
    assert "make room" in last or "give another --cache" in last


def study_files(study) -> list[Path]:
    """The readable faces of the test split."""
    table = pd.read_csv(study.folder / "table.csv")
    return [Path(path) for path in table.loc[table["split"] == "test", "path"]]


def same_estimates(expected: Path, found: Path) -> None:
    """Both runs hold networks of the same making that give the same estimates."""
    from agelens.inference.predictor import load

    for old, new in zip(find_bundles(expected), find_bundles(found), strict=True):
        assert old.card["identity"] == new.card["identity"]
        assert old.card["training"]["history"] == new.card["training"]["history"]
        assert old.training_images == new.training_images
    table = pd.read_csv(expected / "table.csv")
    paths = [Path(path) for path in table["path"][:20]]
    one, other = (list(load(run, "f32").stream(paths, crops=True)) for run in (expected, found))
    assert one == other


@pytest.mark.parametrize(("asked", "held"), [(1, 256), (64, 256), (300, 1200)])
def test_the_server_has_room_for_what_it_lets_in(
    agelens, monkeypatch: pytest.MonkeyPatch, asked: int, held: int
) -> None:
    told: list[Limits] = []
    monkeypatch.setattr("agelens.serving.server.serve", lambda *given: told.append(given[3]))
    assert agelens("serve", "--max-body", asked).status == 0
    assert (told[0].body_bytes, told[0].held_bytes) == (asked << 20, held << 20)


def test_the_program_itself_converts_backbones(faces_folder: Path, tmp_path: Path) -> None:
    """As a process of its own: what it leaves out of OpenVINO for speed must not be what a comparison needs."""
    ran = in_shell(
        "compare", faces_folder, "--out", tmp_path / "run", "--backbones", "MobileNetV3Small", "--weights", "random",
        "--image-size", "32", "--limit", "60", "--crops-as-they-are", "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "MobileNetV3Small" in ran.stdout
