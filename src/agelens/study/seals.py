"""What a study's files held when they were written: a bit that flipped, or a hand, may not pass for a result.

Bundles have checksums of their own. The tables and figures of a study's steps have theirs in ``config.json``, and that
file has its own.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.reporting.study_files import altered_files
from agelens.utils.files import digest_file, digest_json, read_json

SEAL = "sha256"
# Pages are for looking at, and nothing is computed from them.
_SEALED = (".csv", ".json")


def seal_outputs(folder: Path, outputs: Iterable[str]) -> dict[str, str]:
    """Return the digest of each table and each file of figures among the outputs of a step."""
    return {name: digest_file(folder / name) for name in outputs if name.endswith(_SEALED)}


def refuse_altered_table(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse, with an AgeLensError, a study whose face table is not as the audit left it."""
    if "table.csv" in altered_files(folder, config):
        raise AgeLensError(
            f"{folder / 'table.csv'} is not as the audit left it: it was damaged, or altered by hand. 'agelens audit' "
            f"with the sources of this study and --out {folder} makes it again; --relabel and --exclude correct labels."
        )


def sealed_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the digest of all else in it."""
    # As it will be read: tuples become lists there.
    content = json.loads(json.dumps({key: value for key, value in config.items() if key != SEAL}))
    return {**content, SEAL: digest_json(content)}


def open_study(folder: Path) -> dict[str, Any]:
    """Return the configuration of a study that was audited, for whoever reads its table and writes nothing there.

    Raises:
        AgeLensError: the configuration or the face table was altered since it was written.
    """
    config = _opened(folder / "config.json")
    refuse_altered_table(folder, config)
    return config


def read_config(file: Path) -> dict[str, Any]:
    """Read the configuration of a study; empty where there is none.

    Raises:
        AgeLensError: it is none, an earlier AgeLens wrote it, or it was altered since it was written.
    """
    if not file.exists():
        return {}
    content = _opened(file)
    if content and "split_ratios" not in content:
        raise AgeLensError(
            f"{file.parent} holds a study that an earlier AgeLens began; begin it again with another --out."
        )
    return content


def _opened(file: Path) -> dict[str, Any]:
    config = read_json(file)
    if not isinstance(config, dict):
        raise AgeLensError(f"{file} does not hold a run's configuration; delete it and begin the run again.")
    content = {key: value for key, value in config.items() if key != SEAL}
    if SEAL in config and config[SEAL] != digest_json(content):
        raise AgeLensError(
            f"{file} is not as AgeLens wrote it: it was damaged, or altered by hand. Restore it, or begin the study "
            "again with another --out."
        )
    return content
