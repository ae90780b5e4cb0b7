"""The house keeps its order: a room imports only rooms to its left, and nothing dangerous is written anywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import agelens

ROOT = Path(agelens.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
GROUND = {
    "compiled",
    # A room of its own that all others may use.
    "decoding",
    "eight_bits",
    "errors",
    "files",
    "folders",
    "image_kinds",
    "images",
    "inference",
    "interrupts",
    "locks",
    "onnx_files",
    "progress",
    "replacing",
    "shared_results",
    "versions",
    "_version",
    "cli_errors",
    "cli_options",
    "cli_start",
    "cli_text",
}
# What each room may import of the others, apart from the ground floor.
ALLOWED = {
    "ground": set(),
    "decoding": {"decoding"},
    "faces": {"faces"},
    "networks": {"faces", "networks", "estimate.bundle", "estimate.estimator"},
    # What calibrates a network for photographs, and measures it, looks at them as `estimate` does.
    "study": {"faces", "networks", "study", "estimate"},
    "estimate": {"estimate"},
    # The command line is several modules, as a room is.
    "cli": {"faces", "networks", "study", "estimate", "cli_estimate", "cli_fetch", "cli_run"},
}
KERAS = {"keras", "tensorflow", "jax", "torch", "tf2onnx", "tensorboardX"}
KERAS_FREE = [
    "faces/rows.py",
    "faces/table.py",
    "faces/audit.py",
    "faces/split.py",
    "cli.py",
    "cli_estimate.py",
    "cli_fetch.py",
    "cli_run.py",
    "__init__.py",
    "estimate/bundle.py",
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if len(parts) > 1:
        return parts[0]
    return "ground" if parts[0] in GROUND else "cli"


def imports_of(node: ast.AST, path: Path) -> Iterator[str]:
    """Every module that is imported anywhere below a node, in full."""
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            assert one.level == 0, f"{name_of(path)} imports relatively"
            yield str(one.module)
            # `from agelens.study import charts` imports a module as well.
            yield from (f"{one.module}.{alias.name}" for alias in one.names if one.module in packages())


def packages() -> set[str]:
    return {"agelens"} | {
        f"agelens.{path.name}" for path in ROOT.iterdir() if (path / "__init__.py").exists()
    }


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


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_room_imports_only_rooms_to_its_left(path: Path) -> None:
    if path.name == "__init__.py" and path.parent == ROOT:
        pytest.skip("the public API names what it wants")
    allowed = ALLOWED[room_of(path)]
    for module in imports_of(ast.parse(path.read_text(encoding="utf-8")), path):
        if not module.startswith("agelens."):
            continue
        inner = module.removeprefix("agelens.")
        if inner == "cli":
            assert path.name == "__main__.py", f"{name_of(path)} imports the command line"
            continue
        room = inner.split(".")[0]
        fits = room in GROUND or room in allowed or any(f"{inner}.".startswith(f"{one}.") for one in allowed)
        # A bare `from agelens.estimate import bundle` names the package too.
        assert fits or inner in {one.split(".")[0] for one in allowed}, f"{name_of(path)} imports {module}"


@pytest.mark.parametrize(
    "name", KERAS_FREE + [name_of(path) for path in sorted((ROOT / "estimate").rglob("*.py"))]
)
def test_a_light_module_loads_no_keras(name: str) -> None:
    assert not loaded_with(name, set()) & KERAS


def test_the_walk_over_imports_finds_keras_where_it_is() -> None:
    assert "keras" in loaded_with("study/learn.py", set())


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
