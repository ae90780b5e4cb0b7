import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.data.table import read_table
from agelens.errors import AgeLensError
from agelens.inference.predictor import load
from agelens.study import making
from agelens.study.audit_step import audit_faces
from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan
from agelens.study.steps import evaluate_networks, train_networks
from agelens.utils import environment as versions
from agelens.utils.files import read_json, write_json


@pytest.fixture
def run(study, tmp_path: Path) -> StudyFolder:
    """A run that has been audited, to write into."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "table.csv", "audit.json", "audit.html"):
        shutil.copy(study.folder / name, folder / name)
    return StudyFolder(folder)


def counting(log: list[str], run: StudyFolder, output: str, fail: bool = False):
    def work() -> None:
        log.append(output)
        write_json(run.folder / output, len(log))
        if fail:
            raise KeyboardInterrupt

    return work


def test_an_audit_leaves_a_table_with_parts_and_says_what_made_it(faces_folder: Path, tmp_path: Path) -> None:
    run = StudyFolder(tmp_path / "run")
    found = audit_faces(run, faces_folder, 42, None)
    assert found == json.loads((run.folder / "audit.json").read_text())
    assert set(run.table["split"]) == {"train", "validation", "test"}
    assert found["usable"] == len(run.table)
    config = read_json(run.folder / "config.json")
    assert (config["source"], config["seed"], config["limit"]) == (str(faces_folder), 42, None)
    assert config["synthetic"] is True
    assert config["versions"]["agelens"]
    assert config["steps"]["audit"]["seconds"] >= 0


def test_copies_of_a_picture_stay_in_one_part(study) -> None:
    table = StudyFolder(study.folder).table
    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert (table.groupby("digest")["split"].nunique() == 1).all()
    assert (table.groupby("group").size() > 1).sum() >= 8


def test_a_limit_draws_a_sample_that_the_seed_decides(faces_folder: Path, tmp_path: Path) -> None:
    tables = []
    for number, seed in enumerate((1, 1, 2)):
        run = StudyFolder(tmp_path / str(number))
        run.begin(faces_folder, seed, 60)
        tables.append(run.table)
    assert len(tables[0]) <= 60
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert set(tables[0]["digest"]) != set(tables[2]["digest"])
    assert len(read_faces(faces_folder).table) > 60


def test_a_step_is_done_once_for_the_same_settings(run: StudyFolder) -> None:
    log: list[str] = []
    for settings in ({"a": 1}, {"a": 1}, {"a": 2}):
        StudyFolder(run.folder).step("count", settings, ["count.json"], counting(log, run, "count.json"))
    assert len(log) == 2
    (run.folder / "count.json").unlink()
    StudyFolder(run.folder).step("count", {"a": 2}, ["count.json"], counting(log, run, "count.json"))
    assert len(log) == 3


def test_what_another_version_computed_is_computed_again_and_said(
    run: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    said: list[str] = []
    installed = {"keras": "3.15.0", "openvino": "2026.4.1"}
    monkeypatch.setattr(versions, "version", lambda package: installed.get(package, "1"))

    def step(**settings: object) -> None:
        again = StudyFolder(run.folder, say=said.append)
        again.step("count", dict(settings), ["count.json"], counting(log, run, "count.json"))

    step(precision="f32")
    step(precision="f32")
    assert said.pop() == "count: done before"
    for package, version, words in (
        ("keras", "3.16.0", "Keras 3.16.0 and not 3.15.0"),
        ("openvino", "2026.3.0", "OpenVINO 2026.3.0 and not 2026.4.1"),
    ):
        installed[package] = version
        said.clear()
        step(precision="f32")
        assert said[0] == f"count: computed again, for this is {words}"
    said.clear()
    monkeypatch.setattr(versions, "__version__", "0.9.0")
    step(precision="f32")
    assert said[0].startswith("count: computed again, for this is AgeLens 0.9.0 and not ")
    said.clear()
    monkeypatch.setattr(versions, "RESULTS", versions.RESULTS + 1)
    step(precision="f32")
    assert said[0] == "count: computed again, for an older AgeLens computed it"
    assert len(log) == 5
    step(precision="f32")
    assert len(log) == 5


def test_a_run_of_an_older_agelens_is_computed_again(run: StudyFolder) -> None:
    log: list[str] = []
    said: list[str] = []
    run.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
    config = read_json(run.folder / "config.json")
    step = config["steps"]["count"]
    del step["made_by"], step["round"], step["outputs"], config["sha256"]
    step["versions"]["openvino"] = "2025.1"
    write_json(run.folder / "config.json", config)
    again = StudyFolder(run.folder, say=said.append)
    again.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
    assert "count: computed again, for this is OpenVINO 20" in said[0]
    assert said[0].endswith("and not 2025.1")
    assert len(log) == 2


def test_a_precision_that_means_another_here_is_computed_again(
    run: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may go on with a machine of another kind."""
    log: list[str] = []
    said: list[str] = []
    for means in ("bf16", "f32", "f32"):
        monkeypatch.setattr(making, "resolve_precision", lambda precision, means=means: means)
        again = StudyFolder(run.folder, say=said.append)
        again.step("count", {"precision": "auto"}, ["count.json"], counting(log, run, "count.json"))
    assert len(log) == 2
    assert "count: computed again, for this is precision f32 and not bf16" in said
    said.clear()
    again = StudyFolder(run.folder, say=said.append)
    again.step("count", {"precision": "bf16"}, ["count.json"], counting(log, run, "count.json"))
    # Who asks for another precision knows why.
    assert not [line for line in said if "again" in line]
    assert len(log) == 3


def test_packages_that_a_step_does_not_use_do_not_matter(
    run: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    for installed in ("1", "2"):
        monkeypatch.setattr(versions, "version", lambda package, installed=installed: installed)
        for name, packages in (("light", ()), ("heavy", ("keras",))):
            work = counting(log, run, f"{name}.json")
            StudyFolder(run.folder).step(name, {}, [f"{name}.json"], work, packages=packages)
    assert log == ["light.json", "heavy.json", "heavy.json"]


def test_force_does_a_step_again_once(run: StudyFolder) -> None:
    log: list[str] = []

    def step(run: StudyFolder) -> int:
        run.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
        return run.round("count")

    assert step(run) == 0
    forced = StudyFolder(run.folder, force=True)
    # Twice in one command is once.
    assert [step(forced), step(forced)] == [1, 1]
    assert len(log) == 2
    assert step(StudyFolder(run.folder)) == 1
    assert len(log) == 2
    assert step(StudyFolder(run.folder, force=True)) == 2
    assert len(log) == 3


def test_what_was_forced_and_broken_off_goes_on_without_force(run: StudyFolder) -> None:
    log: list[str] = []
    run.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
    forced = StudyFolder(run.folder, force=True)
    with pytest.raises(KeyboardInterrupt):
        forced.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json", fail=True))
    after = StudyFolder(run.folder)
    assert after.round("count") == 1
    after.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
    assert len(log) == 3


def test_an_audit_is_done_again_with_force(faces_folder: Path, tmp_path: Path) -> None:
    StudyFolder(tmp_path / "run").begin(faces_folder)
    before = (tmp_path / "run" / "table.csv").read_text()
    (tmp_path / "run" / "audit.html").write_text("")
    StudyFolder(tmp_path / "run").begin(faces_folder)
    assert not (tmp_path / "run" / "audit.html").read_text()
    StudyFolder(tmp_path / "run", force=True).begin(faces_folder)
    assert (tmp_path / "run" / "audit.html").read_text()
    assert (tmp_path / "run" / "table.csv").read_text() == before


def test_a_step_that_was_broken_off_is_not_taken_for_the_one_before(run: StudyFolder) -> None:
    log: list[str] = []
    run.step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
    with pytest.raises(KeyboardInterrupt):
        run.step("count", {"a": 2}, ["count.json"], counting(log, run, "count.json", fail=True))
    StudyFolder(run.folder).step("count", {"a": 1}, ["count.json"], counting(log, run, "count.json"))
    assert len(log) == 3
    assert read_json(run.folder / "count.json") == 3


def test_an_audit_that_was_broken_off_is_no_study(run: StudyFolder) -> None:
    (run.folder / "config.json").unlink()
    with pytest.raises(AgeLensError, match="holds no study yet"):
        StudyFolder(run.folder).begin(None)


def test_what_is_not_asked_for_is_the_runs_own(faces_folder: Path, tmp_path: Path) -> None:
    StudyFolder(tmp_path / "run").begin(faces_folder, 9, 50)
    before = (tmp_path / "run" / "config.json").read_text()
    for source in (None, faces_folder):
        again = StudyFolder(tmp_path / "run")
        again.begin(source)
        assert (again.config["seed"], again.config["limit"]) == (9, 50)
    assert (tmp_path / "run" / "config.json").read_text() == before
    StudyFolder(tmp_path / "zero").begin(faces_folder, 0, 50)
    with pytest.raises(AgeLensError, match="seed 0 and not 9"):
        StudyFolder(tmp_path / "zero").begin(None, 9)
    for change, words in (((faces_folder, 8), "seed 9 and not 8"), ((None, None, 40), "limit 50 and not 40")):
        with pytest.raises(AgeLensError, match=words):
            StudyFolder(tmp_path / "run").begin(*change)


def test_a_run_keeps_its_shares(faces_folder: Path, tmp_path: Path) -> None:
    StudyFolder(tmp_path / "run").begin(faces_folder, split_ratios=(0.5, 0.2, 0.3))
    again = StudyFolder(tmp_path / "run")
    again.begin(faces_folder)
    counts = again.table["split"].value_counts(normalize=True)
    assert [counts[split] for split in ("train", "validation", "test")] == pytest.approx(
        [0.5, 0.2, 0.3], abs=0.02
    )
    for source in (None, faces_folder):
        with pytest.raises(AgeLensError, match="split ratios 50/20/30 and not 80/10/10; give another"):
            StudyFolder(tmp_path / "run").begin(source, split_ratios=(0.8, 0.1, 0.1))


def test_a_study_that_an_earlier_version_began_is_refused_in_a_sentence(run: StudyFolder) -> None:
    config = read_json(run.folder / "config.json")
    del config["split_ratios"], config["sha256"]
    write_json(run.folder / "config.json", config)
    with pytest.raises(AgeLensError, match="an earlier AgeLens began; begin it again with another --out"):
        StudyFolder(run.folder)


def test_shares_that_make_no_whole_begin_no_run(faces_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=r"add up to 1, not 0\.5, 0\.2, 0\.2"):
        StudyFolder(tmp_path / "run").begin(faces_folder, split_ratios=(0.5, 0.2, 0.2))
    assert not (tmp_path / "run").exists()


def test_a_source_that_has_changed_is_audited_again(faces_folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "faces"
    shutil.copytree(faces_folder, source)
    run = StudyFolder(tmp_path / "run")
    run.begin(source)
    count = len(run.table)
    Path(run.table["path"].iloc[0]).unlink()
    StudyFolder(tmp_path / "run").begin(source)
    assert len(run.table) == count - 1


def test_a_broken_configuration_is_named(run: StudyFolder) -> None:
    (run.folder / "config.json").write_text('{"half": ')
    with pytest.raises(AgeLensError, match=r"config\.json is not valid JSON"):
        StudyFolder(run.folder)


def test_a_configuration_that_is_none_is_named(run: StudyFolder) -> None:
    (run.folder / "config.json").write_text("[]")
    with pytest.raises(AgeLensError, match=r"config\.json does not hold a run's configuration"):
        StudyFolder(run.folder)


def test_steps_that_another_program_did_meanwhile_are_known(run: StudyFolder) -> None:
    log: list[str] = []
    late = StudyFolder(run.folder)
    StudyFolder(run.folder).step("count", {}, ["count.json"], counting(log, run, "count.json"))
    late.begin(None)
    late.step("other", {}, ["other.json"], counting(log, run, "other.json"))
    StudyFolder(run.folder).step("count", {}, ["count.json"], counting(log, run, "count.json"))
    assert log == ["count.json", "other.json"]


def test_two_at_once_do_not_write_into_one_run(run: StudyFolder) -> None:
    with FileLock(run.folder / ".lock"), pytest.raises(AgeLensError, match="Another agelens is at work"):
        run.begin(None)


def test_what_a_killed_program_was_writing_is_removed(run: StudyFolder) -> None:
    (run.folder / "training").mkdir()
    (run.folder / "training" / ".partial.epoch-001.x.keras").write_bytes(b"half")
    (run.folder / ".partial.age.x").mkdir()
    run.begin(None)
    assert not list(run.folder.rglob(".partial.*"))
    assert (run.folder / "table.csv").exists()


def test_images_that_were_renamed_are_audited_again(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    synthesize_faces(folder, 40, seed=9, image_size=64)
    first = StudyFolder(tmp_path / "run")
    first.begin(folder)
    old = Path(first.table["path"][0])
    new = old.rename(old.with_name(old.name.replace(".jpg.chip", ".again.jpg.chip")))
    again = StudyFolder(tmp_path / "run")
    again.begin(folder)
    assert str(new) in set(again.table["path"])
    assert str(old) not in set(again.table["path"])


def test_a_small_network_learns_drawn_faces(tmp_path: Path) -> None:
    """Half of the error of predicting the median is what synthetic faces were made for."""
    folder = tmp_path / "faces"
    synthesize_faces(folder, 1600, seed=11, image_size=64)
    run = StudyFolder(tmp_path / "run")
    run.begin(folder)
    train_networks(run, TrainingPlan(recipe="scratch", image_size=64))
    figures = evaluate_networks(run)
    assert figures["age"]["mae"] < 0.5 * figures["age"]["baseline_mae"]
    assert figures["gender"]["accuracy"] > 0.85


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_faces_is_measured_without_a_split(agelens, study, tmp_path: Path, count: int) -> None:
    synthesize_faces(tmp_path / "faces", count, seed=3, image_size=64)
    command = ["evaluate", tmp_path / "faces", "--bundle", study.folder, "--out", tmp_path / "check"]
    said = agelens(*command, "--precision", "f32")
    assert said.status == 0, said.err
    assert said.out.count("[no interval]") >= 2
    assert f", {count} face{'s' * (count > 1)}\n" in said.out
    assert "nan" not in said.out
    figures = read_json(tmp_path / "check" / "evaluation.json")
    assert (figures["age"]["n"], figures["settings"]["split"]) == (count, "all")
    assert ("too few" in said.err) == (count < 3)
    assert "None" not in (tmp_path / "check" / "report.html").read_text(encoding="utf-8").split("<script")[0]
    if count < 3:
        for step in (
            ["compare", "--backbones", "SmallConv", "--weights", "random"],
            ["train", "--recipe", "scratch"],
        ):
            said = agelens(*step, "--out", tmp_path / "check")
            assert said.status == 2
            assert "too few for the splits train, validation, test" in said.err
        assert agelens("explore", "--out", tmp_path / "check").status == 0


def test_swapped_genders_are_asked_about(agelens, study, tmp_path: Path) -> None:
    # Labels that stand the other way round than this network says, as of a manifest that counts from the other end.
    paths = read_table(study.folder / "table.csv")["path"]
    estimates = load(study.folder, "f32").predict(paths.tolist()[:40], crops=True)
    rows = [
        f"{path},30,{int(one.faces[0].p_female < 0.5)}" for path, one in zip(paths, estimates, strict=False)
    ]
    (tmp_path / "faces.csv").write_text("\n".join(["path,age,gender", *rows]))
    command = ["evaluate", tmp_path / "faces.csv", "--bundle", study.folder, "--out", tmp_path / "run"]
    said = agelens(*command, "--overlap", "allow", "--precision", "f32")
    assert said.status == 0, said.err
    assert "are 0 and 1 swapped in the labels?" in said.out
    assert "are 0 and 1 swapped in the labels?" in (tmp_path / "run" / "report.html").read_text(
        encoding="utf-8"
    )


def test_what_reading_told_is_said_and_kept(faces_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    shutil.copytree(faces_folder, folder)
    (folder / "notes.txt").touch()
    said: list[str] = []
    found = audit_faces(StudyFolder(tmp_path / "run", say=said.append), folder)
    (skipped,) = [line for line in said if line.startswith("skipped: ")]
    assert ".txt" in skipped
    assert skipped in found["lists"]["notes"]


def test_files_that_vanished_since_the_audit_are_told(faces_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    shutil.copytree(faces_folder, folder)
    audit_faces(StudyFolder(tmp_path / "run"), folder)
    said: list[str] = []
    run = StudyFolder(tmp_path / "run", say=said.append)
    run.begin(None)
    assert said == []
    gone = Path(run.table["path"].iloc[0])
    gone.unlink()
    run.begin(None)
    (line,) = said
    assert line.startswith(
        f"1 of the images cannot be read any more, such as {gone}; 'agelens audit {folder} --out "
    )
    # Naming the source again leaves them out.
    run.begin(folder)
    assert str(gone) not in set(run.table["path"])
