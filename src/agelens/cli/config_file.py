"""The options of a command from a file: YAML, or the ``config.json`` of another study."""

import difflib
import json
from collections import Counter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

import typer

from agelens.errors import AgeLensError

# What a file cannot decide: itself, and how this one command goes about its work.
_OWN = {"config", "force", "json"}
# Options that are paths, which may be relative to the file.
_FILES = ("cache", "exclude", "relabel")


def take_config(context: typer.Context, file: Path | None) -> Path | None:
    """Take the options of a command from a file, where the command line does not give them.

    Args:
        context: of the command; its ``default_map`` is filled, which Typer reads for what is not given.
        file: YAML, or JSON with the suffix .json; None does nothing.

    Raises:
        AgeLensError: the file cannot be read, holds an option that the command does not have, or one of another type.
    """
    if file is None:
        return None
    values = _options_of_study(file, _read(file))
    hints = get_type_hints(context.command.callback)
    # What a command returns is typed too, and is no option.
    known = {name: kind for name, kind in hints.items() if name not in _OWN | {"return"}}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, cutoff=0.75)
            way_out = f"do you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}."
            raise AgeLensError(f"{file} holds an unknown option {key!r}; {way_out}")
        _check_type(file, key, value, known[key])
    if values.get("source"):
        values["source"] = [_beside(file, one) for one in values["source"]]
    for key in _FILES:
        if isinstance(values.get(key), str):
            values[key] = _beside(file, values[key])
    context.default_map = {key: value for key, value in values.items() if value is not None}
    return file


def _beside(file: Path, path: str) -> str:
    """Return a path that is relative to the file, else to the working folder."""
    return str(file.parent / path) if (file.parent / path).exists() else path


def _read(file: Path) -> dict[str, Any]:
    """The content of the file, its keys with underscores."""
    import yaml

    try:
        text = file.read_text(encoding="utf-8-sig")
        is_json = file.suffix.lower() == ".json"
        pairs = json.loads(text, object_pairs_hook=_once) if is_json else _read_yaml(text)
    except OSError as error:
        raise AgeLensError(
            f"{file} cannot be read: {error.strerror}; name a YAML file or a config.json."
        ) from None
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise AgeLensError(f"{file} is neither YAML nor the config.json of a study: {reason}.") from None
    except RecursionError:
        raise AgeLensError(f"{file} is nested too deep; write one option on each line.") from None
    if not isinstance(pairs, dict):
        raise AgeLensError(f"{file} holds no options; write one on each line, as 'backbones: VGG16'.")
    try:
        return _once([(str(key).replace("-", "_"), value) for key, value in pairs.items()])
    except ValueError as error:
        raise AgeLensError(f"{file}: {error}.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of pairs, each key of which stands there once; a ValueError names one that does not."""
    counts = Counter(key for key, _ in pairs)
    if twice := [key for key, count in counts.items() if count > 1]:
        raise ValueError(f"it says {twice[0]} twice; say it once")
    return dict(pairs)


def _read_yaml(text: str) -> Any:
    """The content of a YAML file, whose options stand there once each: PyYAML takes the last of several in silence."""
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        _once([(str(key.value), value) for key, value in root.value])
    return yaml.safe_load(text)


def _options_of_study(file: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The options of the study whose config.json this is, or the values as they are."""
    if "steps" in values:
        if not isinstance(values.get("options"), dict):
            raise AgeLensError(
                f"{file} is of a study that was made step by step, so that it does not tell all options; write a YAML "
                "file of them, or give them."
            )
        begun = {key: values.get(key) for key in ("source", "seed", "limit", "split_ratios")}
        reading = values.get("reading") or {}
        if not isinstance(reading, dict):
            raise AgeLensError(f"{file} is no config.json of a study: its entry reading holds no options.")
        values = begun | reading | values["options"]
    return {key: _as_text(key, value) for key, value in values.items()}


def _as_text(key: str, value: Any) -> Any:
    """Values as the command line writes them; sources are the one option that it takes as several words."""
    if key == "source":
        return [value] if isinstance(value, str) else value
    if key == "backbones" and isinstance(value, list):
        return ",".join(map(str, value))
    if key == "split_ratios" and isinstance(value, list):
        return "/".join(map(str, value))
    if key == "columns" and isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        return ",".join(f"{name}={column}" for name, column in value.items())
    return value


def _check_type(file: Path, key: str, value: Any, hint: Any) -> None:
    """Refuse a value that Typer would turn into another, as 64.5 pixels into 64, or fail on."""
    kinds = set(get_args(hint) if isinstance(hint, UnionType) else (hint,)) - {NoneType}
    if key == "source":
        right, wanted = (
            isinstance(value, list) and all(isinstance(one, str) for one in value),
            "a path or paths",
        )
    elif kinds == {int}:
        right, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif kinds == {float}:
        right, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    elif kinds == {bool}:
        right, wanted = isinstance(value, bool), "true or false"
    else:
        right, wanted = isinstance(value, str), "text"
    if value is not None and not right:
        raise AgeLensError(f"{file} says {key}: {value!r}, which is not {wanted}.")
