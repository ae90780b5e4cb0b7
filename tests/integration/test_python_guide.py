"""The examples of the guide's section on Python run as they stand, one after another."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"


def test_the_examples_of_python_and_jupyter_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = GUIDE.read_text(encoding="utf-8").split("## Python and Jupyter\n")[1].split("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(examples) == 3
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGELENS_CACHE", str(tmp_path / "cache"))
    names: dict[str, object] = {}
    for number, example in enumerate(examples, start=1):
        compiled = compile(example, f"example {number} of {GUIDE.name}", "exec")
        # What a reader would paste into a session.
        exec(compiled, names)
    printed = capsys.readouterr().out
    assert "AuditResult(300 images" in printed
    assert "EvaluationResult(gender: accuracy" in printed
    assert "my-study/report.html" in printed
    assert (tmp_path / "my-study" / "age.keras").is_file()
