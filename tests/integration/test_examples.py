"""The examples of README and docs do what they say: commands and Python blocks are run, options and figures checked."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import typer
import yaml

import agelens as package
from agelens.bundles.bundle import OWN
from agelens.cli.main import app
from agelens.data.sources.reading import read_faces
from tests.inference.video.moving_squares import write_video
from tests.integration.examples import PAGES, REASONS, ROOT, Example, read_examples

PHOTO = ROOT / "examples" / "astronaut.jpg"
COMMANDS = typer.main.get_command(app)
# The Chinese README has the same examples, which a test below says.
RUN = {
    page: [one for one in read_examples(page) if not one.reason]
    for page in PAGES
    if page != "README.zh-CN.md"
}
# Pages whose examples go on from a finished study, my-study; the other ones make it or do without.
OF_A_FINISHED_STUDY = {
    "docs/concepts/bundles.md",
    "docs/how-to/annotation-tools.md",
    "docs/measure/certainty.md",
    "docs/measure/compare-models.md",
}
# Files that commands read: a manifest, and the options of run --config, which a test below gives to it.
DATA = {"csv", "yaml"}
# Options in the text that are of other programs.
FOREIGN = {"--preload"}


def at(example: Example) -> str:
    return f"{example.page}:{example.line}"


@pytest.fixture
def workspace(
    tmp_path: Path, faces_folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """What a reader has: the checkout's examples, photographs, crops, a video, and UTKFace, which is synthetic here."""
    (tmp_path / "examples").mkdir()
    shutil.copy(PHOTO, tmp_path / "examples")
    (tmp_path / "photos").mkdir()
    shutil.copy(PHOTO, tmp_path / "photos")
    shutil.copytree(faces_folder, tmp_path / "UTKFace")
    table = read_faces(faces_folder).table.drop_duplicates("digest")
    (tmp_path / "faces").mkdir()
    for path in table["path"][:3]:
        shutil.copy(path, tmp_path / "faces")
    table[["path", "age", "gender"]].head(40).to_csv(tmp_path / "my-faces.csv", index=False)
    pd.DataFrame({"path": ["photos/astronaut.jpg"], "age": [40], "gender": ["female"]}).to_csv(
        tmp_path / "photographs.csv", index=False
    )
    small = cv2.resize(np.asarray(cv2.imread(str(PHOTO))[..., ::-1]), (320, 320))
    write_video(tmp_path / "clip.mp4", [small] * 9)
    if request.getfixturevalue("page") in OF_A_FINISHED_STUDY:
        shutil.copytree(request.getfixturevalue("study").folder, tmp_path / "my-study")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGELENS_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page, examples in RUN.items() if any(one.language not in DATA for one in examples)]
)
def test_the_examples_of_a_page_run(page: str, workspace: Path, agelens: Callable[..., Any]) -> None:
    names: dict[str, Any] = {}
    for example in RUN[page]:
        if example.language == "bash":
            for words in example.commands:
                assert words[0] == "agelens", f"{at(example)} runs {words[0]}; say why it is not run."
                said = agelens(*words[1:])
                assert said.status == 0, f"{at(example)} {words}: {said.err}"
        elif example.language == "console":
            assert_prints(example)
        elif example.language == "python":
            exec(compile(example.text, at(example), "exec"), names)
        else:
            assert example.language in DATA, f"{at(example)} is in a language that is not run."


def assert_prints(example: Example) -> None:
    """What a terminal shows is what the page shows; ages, bounds and percents within 2, which processors decide."""
    (words,) = example.commands
    shown = in_terminal([sys.executable, "-m", *words])
    number = re.compile(r"\d+")
    assert number.sub("#", " ".join(shown.split())) == number.sub("#", " ".join(example.output.split()))
    here, there = (np.array(number.findall(text), int) for text in (shown, example.output))
    assert np.abs(here - there).max() <= 2, f"{at(example)}: {shown}"


def in_terminal(command: list[str]) -> str:
    """Return what a command prints to a terminal, without colours."""
    ours, its = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    with subprocess.Popen(command, stdout=its, stderr=subprocess.DEVNULL, env=environment) as program:
        os.close(its)
        printed = b"".join(until_closed(ours))
    os.close(ours)
    assert program.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.decode())


def until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux says so where the other side is closed.
            return
        if not data:
            return
        yield data


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_takes_its_options(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-study").mkdir()
    (tmp_path / "my-study" / "config.json").write_text('{"source": "UTKFace", "steps": {}, "options": {}}')
    for example in read_examples(page):
        if example.language == "yaml":
            (tmp_path / "study.yaml").write_text(example.text)
        for program, *words in example.commands:
            if program == "agelens":
                check_arguments(words, at(example))
            elif words and words[0].startswith("benchmarks/"):
                files = (ROOT / words[0], ROOT / "benchmarks" / "_common.py")
                source = "".join(file.read_text(encoding="utf-8") for file in files)
                options = {word for word in words[1:] if word.startswith("--")} - {"--help"}
                assert not [option for option in options if f'"{option}"' not in source], at(example)


def check_arguments(words: list[str], where: str) -> None:
    """Parse a command line without running it."""
    name, *rest = words
    command = COMMANDS.commands.get(name)  # type: ignore[attr-defined]
    assert command is not None, f"{where}: there is no command {name}."
    try:
        command.make_context(name, rest)
    except Exception as error:
        raise AssertionError(f"{where}: agelens {name} does not take {rest}.") from error


def test_options_that_the_text_names_exist() -> None:
    known = {
        option for command in COMMANDS.commands.values() for one in command.params for option in one.opts
    }  # type: ignore[attr-defined]
    known |= {
        option
        for command in COMMANDS.commands.values()
        for one in command.params
        for option in one.secondary_opts
    }  # type: ignore[attr-defined]
    for page in PAGES:
        if page.startswith(("docs", "README")):
            text = (ROOT / page).read_text(encoding="utf-8")
            inline = "\n".join(re.findall(r"`[^`\n]+`", text))
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", inline)) - FOREIGN
            assert not named - known, f"{page} names {named - known}."


def test_reasons_are_given_in_one_place_and_each_is_needed() -> None:
    given = {one.reason for page in PAGES for one in read_examples(page)} - {""}
    assert given == set(REASONS)


def test_what_is_installed_and_made_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for extras in re.findall(r'"\.\[([\w,]+)\]"', text):
            assert set(extras.split(",")) <= set(project["optional-dependencies"]), page
        made = {words[1] for one in read_examples(page) for words in one.commands if words[0] == "make"}
        assert made <= targets, page


def test_the_readme_is_short_and_says_first_whether_one_may_use_it() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 150
        assert "Apache-2.0" in "\n".join(lines[:10])
        assert "docs/responsible-use.md" in "\n".join(lines[:10])


def test_both_readmes_hold_the_same_examples_figures_and_links() -> None:
    english, chinese = ("README.md", "README.zh-CN.md")

    def code(page: str) -> list[Any]:
        return [
            one.commands or re.sub(r"#.*", "", one.text) if one.language != "console" else one.text
            for one in read_examples(page)
        ]

    assert code(english) == code(chinese)
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in (english, chinese)]
    tables = [re.findall(r"\[?\d+\.\d+\]?", text) for text in texts]
    assert sorted(tables[0]) == sorted(tables[1])
    links = [set(re.findall(r"\]\(([^)]+)\)", text)) for text in texts]
    assert links[0] ^ links[1] == {english, chinese}


def test_links_of_the_pages_that_are_read_in_the_repository_lead_somewhere() -> None:
    for page in (
        "README.md",
        "README.zh-CN.md",
        "CONTRIBUTING.md",
        "benchmarks/README.md",
        "benchmarks/research-log.md",
    ):
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert ((ROOT / page).parent / link).exists(), f"{page} leads to {link}."


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "benchmarks/README.md"])
def test_figures_of_the_bundled_networks_are_those_of_their_cards(page: str, name: str) -> None:
    figures = json.loads((OWN[name] / "card.json").read_text())["evaluation"]
    age, grouped, gender = figures["age"], figures["age_group"], figures["gender"]["groups"]["source"]
    text = re.sub(r"\*\*| years| 岁", "", (ROOT / page).read_text(encoding="utf-8"))
    assert f"{age['mae']:.2f} [{age['mae_ci95'][0]:.2f}, {age['mae_ci95'][1]:.2f}]" in text
    for own, figure in (
        (age, "coverage"), (grouped, "right_group"), (gender["UTKFace"], "accuracy"), (gender["FairFace"], "accuracy"),
    ):  # fmt: skip
        low, high = own[f"{figure}_ci95"]
        assert f"{100 * own[figure]:.1f} % [{100 * low:.1f}, {100 * high:.1f}]" in text


def test_means_over_seeds_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| seed .*$", (ROOT / "benchmarks/README.md").read_text(), re.M)
    cells = pd.DataFrame(
        [[float(re.match(r" ?([\d.]+)", cell)[1]) for cell in row.split("|")[2:6]] for row in rows]
    )  # type: ignore[index]
    mean, deviation = cells.mean(), cells.std()
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    assert f"**{mean[0]:.2f} ({deviation[0]:.2f})**" in text
    assert f"**{mean[2]:.1f} ({deviation[2]:.1f}) %**" in text
    assert f"**{mean[3]:.1f} ({deviation[3]:.1f}) %**" in text


def test_the_citation_names_this_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == package.__version__
