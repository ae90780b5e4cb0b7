"""Light modules stay light and nothing dangerous is written anywhere; import-linter holds the order of packages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import agelens

ROOT = Path(agelens.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
KERAS = {"keras", "tensorflow", "jax", "torch", "tf2onnx", "tensorboardX"}
# Packages that who installs `agelens` alone gets, and what else must not wait for Keras: help, and reading a table.
LIGHT = ("utils", "bundles", "runtime", "detection", "inference", "serving", "data/sources", "cli")
KERAS_FREE = sorted(
    {path.relative_to(ROOT).as_posix() for package in LIGHT for path in (ROOT / package).rglob("*.py")}
    | {
        "__init__.py",
        "errors.py",
        "data/table.py",
        "data/audit.py",
        "data/splits.py",
        "data/near_duplicates.py",
    }
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(node: ast.AST, path: Path) -> Iterator[str]:
    """Every module that is imported anywhere below a node, in full."""
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            assert one.level == 0, f"{name_of(path)} imports relatively"
            yield str(one.module)
            # `from agelens.reporting import png` imports a module as well.
            yield from (f"{one.module}.{alias.name}" for alias in one.names if one.module in packages())


def packages() -> set[str]:
    folders = (path.parent.relative_to(ROOT).parts for path in ROOT.rglob("__init__.py"))
    return {".".join(("agelens", *parts)) for parts in folders}


def loaded_with(name: str, seen: set[str]) -> set[str]:
    """The third-party roots that importing a module of AgeLens brings along, not those of its functions."""
    path = ROOT / name
    if name in seen:
        return set()
    seen.add(name)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    roots = set()
    for node in top_level(tree):
        for module in imports_of(node, path):
            if not module.startswith("agelens"):
                roots.add(module.split(".")[0])
                continue
            inner = Path(*module.split(".")[1:]).with_suffix(".py") if "." in module else Path("__init__.py")
            if (ROOT / inner).is_file():
                roots |= loaded_with(inner.as_posix(), seen)
    return roots


def top_level(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from node.body


@pytest.mark.parametrize("name", KERAS_FREE)
def test_a_light_module_loads_no_keras(name: str) -> None:
    assert not loaded_with(name, set()) & KERAS


def test_the_walk_over_imports_finds_keras_where_it_is() -> None:
    assert "keras" in loaded_with("study/steps.py", set())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_error_is_swallowed_and_nothing_is_executed_on_loading(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not {"pickle", "joblib", "dill", "marshal"} & {
        module.split(".")[0] for module in imports_of(tree, path)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and catches_all(node):
            assert any(isinstance(one, ast.Raise) for one in ast.walk(node)), f"{name_of(path)}:{node.lineno}"
        if isinstance(node, ast.Call):
            assert not any(is_unsafe(word) for word in node.keywords), f"{name_of(path)}:{node.lineno}"
            assert not (isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")), name_of(path)


def catches_all(handler: ast.ExceptHandler) -> bool:
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else set()
    )
    return handler.type is None or bool(names & {"Exception", "BaseException"})


def is_unsafe(word: ast.keyword) -> bool:
    value = word.value.value if isinstance(word.value, ast.Constant) else None
    return (word.arg == "safe_mode" and value is False) or (word.arg == "allow_pickle" and value is True)
