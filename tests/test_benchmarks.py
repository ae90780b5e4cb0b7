"""What the programs of ``benchmarks`` import exists: who renames a thing cannot forget them."""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
PROGRAMS = sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_name_that_a_program_imports_is_there(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("agelens"):
            continue
        module = importlib.import_module(str(node.module))
        missing = [one.name for one in node.names if not hasattr(module, one.name)]
        missing = [name for name in missing if importlib.util.find_spec(f"{node.module}.{name}") is None]
        assert not missing, f"{name} imports {', '.join(missing)} from {node.module}"
