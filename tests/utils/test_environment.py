"""The command that is recorded with a result."""

import pytest

from agelens.utils.environment import command_line


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["/venv/bin/agelens", "run", "my faces", "--out", "run"], "agelens run 'my faces' --out run"),
        (["/lib/agelens/__main__.py", "demo"], "agelens demo"),
        (["/venv/bin/pytest", "run"], None),
        (["/lib/pytest/__main__.py", "run"], None),
        ([""], None),
    ],
)
def test_only_commands_of_agelens_are_told(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], command: str | None
) -> None:
    monkeypatch.setattr("sys.argv", arguments)
    assert command_line() == command
