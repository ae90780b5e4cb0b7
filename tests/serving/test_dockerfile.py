"""The Dockerfile, as far as it can be checked without an engine: what hadolint and reviewers ask for."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from agelens.cli.main import app
from tests.serving.serving import ColourPredictor, running

FILE = Path(__file__).parents[2] / "Dockerfile"
KNOWN = {
    "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"
}  # fmt: skip


def instructions() -> list[tuple[str, str]]:
    """The instructions in order, with lines that go on joined."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def last(word: str) -> str:
    return [rest for name, rest in instructions() if name == word][-1]


def test_every_line_is_an_instruction() -> None:
    assert {name for name, _ in instructions()} <= KNOWN
    assert instructions()[0][0] == "FROM"


def test_images_are_named_by_version() -> None:
    for image in (rest.split()[0] for name, rest in instructions() if name == "FROM"):
        assert re.fullmatch(r"[a-z]+:\d+\.\d+-slim", image), image


def test_it_runs_as_nobody_and_keeps_no_secret() -> None:
    place = [name for name, _ in instructions()]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last("USER"))
    assert place.index("USER") < place.index("ENTRYPOINT")
    # What is given to an image stands in its history.
    assert "AGELENS_API_KEY" not in " ".join(rest for _, rest in instructions())
    assert "ADD" not in place
    assert all("sudo" not in rest and "curl" not in rest for _, rest in instructions())


def test_what_is_copied_is_there_and_not_left_out() -> None:
    allowed = (FILE.parent / ".dockerignore").read_text(encoding="utf-8")
    for rest in (rest for name, rest in instructions() if name == "COPY" and not rest.startswith("--from")):
        for source in rest.split()[:-1]:
            assert (FILE.parent / source).exists(), source
            assert f"!{source.removeprefix('./')}\n" in allowed


def test_the_command_takes_its_options() -> None:
    program, name, *options = json.loads(last("ENTRYPOINT"))
    assert program == "agelens"
    serve = get_command(app).commands[name]  # type: ignore[attr-defined]
    context = serve.make_context(name, options)
    assert (context.params["host"], context.params["port"], context.params["no_cache"]) == (
        "0.0.0.0",
        8000,
        True,
    )
    assert last("EXPOSE") == "8000"


def test_the_health_check_is_a_program_that_asks_the_server() -> None:
    options, _, command = last("HEALTHCHECK").partition(" CMD ")
    assert {word.partition("=")[0] for word in shlex.split(options)} >= {"--interval", "--timeout"}
    program, flag, code = json.loads(command)
    assert (program, flag) == ("python", "-c")
    assert "http://127.0.0.1:8000/api/health" in code

    def healthy(address: str) -> bool:
        asked = code.replace("http://127.0.0.1:8000/", address)
        return subprocess.run([sys.executable, flag, asked], stderr=subprocess.DEVNULL).returncode == 0

    with running(ColourPredictor()) as client:
        address = f"{str(client.base_url).rstrip('/')}/"
        assert healthy(address)
    assert not healthy(address)


def test_pip_keeps_no_cache_and_installs_extras_that_exist() -> None:
    import tomllib

    (install,) = (rest for name, rest in instructions() if name == "RUN" and "pip install" in rest)
    assert "--no-cache-dir" in install
    extras = re.search(r"\.\[([\w,]+)\]", install)
    assert extras
    project = tomllib.loads((FILE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
