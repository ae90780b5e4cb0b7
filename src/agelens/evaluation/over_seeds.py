"""How much of a network's figures is chance: the same split and recipe, trained from several seeds."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.utils.files import read_json
from agelens.utils.shapes import fits

# By task: the key of a figure, what it is called, and its unit: years, or a share of 1.
_FIGURES = {
    "age": (("mae", "age MAE", "years"), ("coverage", "ages inside the prediction interval", "share")),
    "age_group": (("right_group", "ages in the right group", "share"),),
    "gender": (("accuracy", "gender as labelled", "share"),),
}


def over_seeds(evaluations: Sequence[dict[str, Any]], seeds: Sequence[int], split: str) -> dict[str, Any]:
    """Return the means and standard deviations of the key figures of several trainings, by source.

    Args:
        evaluations: of each seed the figures of `agelens.evaluation.evaluate.evaluate`.
        seeds: of the trainings, in the same order; two or more.
        split: that they were measured on.

    Returns:
        JSON for a file or a card: ``split``, ``seeds``, and as ``figures`` a list of ``source``, ``figure``, ``unit``
        ("years" or "share", 0 to 1), ``mean``, ``standard_deviation`` (of the sample) and ``values``, one a seed.
    """
    values: dict[tuple[str, str, str], list[float]] = {}
    for evaluation in evaluations:
        for task, figures in _FIGURES.items():
            told = evaluation.get(task, {})
            # Figures of one source are not told apart.
            for source, own in (told.get("groups", {}).get("source") or {"all faces": told}).items():
                for key, name, unit in figures:
                    if key in own:
                        values.setdefault((source, name, unit), []).append(float(own[key]))
    return {
        "split": split,
        "seeds": list(seeds),
        "figures": [
            {
                "source": source, "figure": name, "unit": unit, "mean": statistics.mean(each),
                "standard_deviation": statistics.stdev(each), "values": each,
            }
            for (source, name, unit), each in values.items()
        ],
    }  # fmt: skip


_FIGURE = {
    "source": str, "figure": str, "unit": str, "mean": float, "standard_deviation": float, "values": [float],
}  # fmt: skip
_SHAPE = {"split": str, "seeds": [int], "figures": [_FIGURE]}


def read_over_seeds(file: Path) -> dict[str, Any]:
    """Read what `over_seeds` returned from a JSON file.

    Raises:
        AgeLensError: the file holds something else.
    """
    content = read_json(file)
    units = {one.get("unit") for one in content["figures"]} if fits(content, _SHAPE) else {""}
    if units - {"years", "share"}:
        raise AgeLensError(
            f"{file} does not hold the figures of several seeds; benchmarks/adapt_seeds.py --json writes such a file."
        )
    return {
        "split": content["split"],
        "seeds": content["seeds"],
        "figures": [{name: one[name] for name in _FIGURE} for one in content["figures"]],
    }


def tell_over_seeds(figure: dict[str, Any]) -> str:
    """Return mean and standard deviation of one figure in words, such as "3.94 (0.02) years" or "95.0 (0.1) %"."""
    mean, spread = figure["mean"], figure["standard_deviation"]
    if figure["unit"] == "years":
        return f"{mean:.2f} ({spread:.2f}) years"
    return f"{100 * mean:.1f} ({100 * spread:.1f}) %"
