"""A missing package is named with the line that installs it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agelens.errors import AgeLensError, MissingExtraError
from agelens.utils.extras import about_missing, naming_extras

# `agelens` without what its extras bring, asked for a name that needs it.
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "plotly"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import agelens
for name in ("Study", "loaders", "train"):
    try:
        getattr(agelens, name)
    except agelens.errors.MissingExtraError as error:
        print(error)
try:
    from agelens import Study
except ImportError as error:
    print(error)
print(agelens.load.__name__)
"""


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("keras.layers", "This needs keras, which comes with: pip install 'agelens[train]'"),
        (
            "fastapi",
            "The page and the HTTP interface need fastapi, which comes with: pip install 'agelens[serve]'",
        ),
        ("av", "pip install 'agelens[video]'"),
        ("torch", "pip install torch, or unset KERAS_BACKEND"),
    ],
)
def test_a_missing_module_is_named_with_what_installs_it(module: str, sentence: str) -> None:
    with pytest.raises(MissingExtraError) as caught, naming_extras():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert sentence in str(caught.value)
    assert isinstance(caught.value, AgeLensError)
    assert isinstance(caught.value, ImportError)


def test_what_no_extra_brings_stays_an_error_of_its_own() -> None:
    assert about_missing(ModuleNotFoundError("No module named 'nonsense'", name="nonsense")) is None
    with pytest.raises(ModuleNotFoundError, match="nonsense"), naming_extras():
        raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")


def test_a_light_installation_says_what_the_public_names_need() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines == [
        "This needs plotly, which comes with: pip install 'agelens[train]'",
        "This needs keras, which comes with: pip install 'agelens[train]'",
        "This needs plotly, which comes with: pip install 'agelens[train]'",
        "This needs plotly, which comes with: pip install 'agelens[train]'",
        "load",
    ]


# Packages whose modules are called otherwise.
MODULES = {
    "edgefirst-tracker": "edgefirst", "pyyaml": "yaml", "scikit-learn": "sklearn", "tensorboardx": "tensorboardX",
    "tensorflow-cpu": "tensorflow",
}  # fmt: skip
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def modules_of(extra: str) -> set[str]:
    """What an extra brings, also through the extras that it names."""
    found = set()
    for line in EXTRAS[extra]:
        name = re.match(r"[\w-]+", line)[0]
        if name == "agelens":
            found |= set().union(*map(modules_of, re.search(r"\[(.+)\]", line)[1].split(",")))
        else:
            found.add(MODULES.get(name, name.replace("-", "_")))
    return found


@pytest.mark.parametrize("module", sorted(set().union(*map(modules_of, EXTRAS))))
def test_what_an_extra_brings_is_told_with_an_extra_that_does(module: str) -> None:
    sentence = about_missing(ModuleNotFoundError(name=module))
    assert sentence is not None
    assert module in modules_of(re.search(r"pip install 'agelens\[(\w+)\]'$", sentence)[1])
