"""The limit of pixels, as it is set on the command line."""

from pathlib import Path

import pytest

from agelens.serving.limits import Limits
from agelens.utils.images import MAX_PIXELS
from tests.utils.decoding.made import encoded, texture


def test_predict_refuses_what_is_larger_than_it_is_told(agelens, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(texture(), "PNG"))
    (tmp_path / "b.png").write_bytes(encoded(texture(40, 40), "PNG"))
    answer = agelens("predict", tmp_path, "--max-pixels", "5000", "--json")
    assert answer.status == 1
    assert "a.png has 128 x 96 pixels, more than the limit of 5,000" in answer.err
    assert answer.out.count('"file"') == 1
    assert agelens("predict", tmp_path, "--max-pixels", "20000", "--json").status == 0
    assert agelens("predict", tmp_path, "--max-pixels", "0").status == 2


@pytest.mark.parametrize(
    ("options", "pixels"), [([], MAX_PIXELS), (["--max-pixels", "400000000"], 400_000_000)]
)
def test_serve_takes_the_limit_that_it_is_told(
    agelens, monkeypatch: pytest.MonkeyPatch, options: list[str], pixels: int
) -> None:
    given: list[Limits] = []
    monkeypatch.setattr("agelens.serving.server.serve", lambda *values: given.append(values[3]))
    assert agelens("serve", *options).status == 0
    assert given[0].pixels == pixels
