"""The docs site builds without a warning, knows every command and public name, and loads nothing from elsewhere."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from mkdocs.config import load_config

import agelens
from agelens.cli.main import app
from tests.integration.examples import ROOT

# What a browser fetches by itself; links to follow may lead anywhere.
LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


class Loaded(HTMLParser):
    """What a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if value and (tag, name) in LOADS]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. In a process of its own, as `make docs` builds it, for its plugins warn in their own ways."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert built.stderr == ""
    return folder


def test_every_command_with_every_option_stands_in_the_reference(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        section = text.split(f'id="agelens-{name}"')[1].split("<h2")[0]
        for parameter in command.params:
            assert all(option in section for option in parameter.opts), (name, parameter.opts)


def test_every_public_name_stands_in_the_reference_with_its_description(site: Path) -> None:
    text = (site / "reference" / "api.html").read_text(encoding="utf-8")
    for name in agelens.__all__:
        if not name.startswith("_"):
            assert f'id="agelens.{name}"' in text
            described = (getattr(agelens, name).__doc__ or "").split("\n")[0].split("`")[0].strip()
            assert described
            assert described[:40].replace("'", "&#39;") in text or described[:40] in text


def test_figures_of_the_model_card_come_from_the_card(site: Path) -> None:
    text = re.sub(r"<[^>]+>", " ", (site / "model-card.html").read_text(encoding="utf-8"))
    assert "card: " not in text
    card = json.loads((ROOT / "src/agelens/bundles/bundled/card.json").read_text(encoding="utf-8"))
    age = card["evaluation"]["age"]
    low, high = age["mae_ci95"]
    assert f"{age['mae']:.2f} [{low:.2f},\u00a0{high:.2f}]" in text
    assert all(one["figure"] in text for one in card["over_seeds"]["figures"])
    assert "decide about a person" in text
    assert (site / "card.html").read_bytes() == (ROOT / "src/agelens/bundles/bundled/card.html").read_bytes()


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 20
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        foreign = [one for one in loaded.addresses if re.match(r"(https?:)?//", one)]
        assert not foreign, f"{page.relative_to(site)} loads {foreign}."
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), (
            style
        )


def test_the_site_tells_nobody_who_reads_it() -> None:
    config = load_config(str(ROOT / "mkdocs.yml"))
    assert config.theme["font"] is False
    assert not config.repo_url  # Material would ask GitHub for its stars.
    assert "analytics" not in config.extra
    # No plugin asks a service for anything (such as social cards, or the history from a forge).
    assert {name.removeprefix("material/") for name in config.plugins} == {
        "search",
        "offline",
        "mkdocstrings",
        "docs/hooks.py",
    }
