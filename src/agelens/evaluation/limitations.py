"""Where a network does clearly worse than overall, in words."""

from collections.abc import Iterable
from typing import Any

from agelens.evaluation.groups import GROUP_TITLES

# Of fewer faces an average says little, and so does the interval that is drawn from them.
_LEAST_FACES = 20


def find_limitations(figures: dict[str, Any]) -> list[str]:
    """Where a network does clearly worse than overall, in words, from the content of ``evaluation.json``.

    A group of ages, gender or race is told if the 95 % interval of its error lies wholly on the worse side of the
    overall figure, or if its estimates are off to one side by clearly more than two years. Groups of fewer than 20
    faces are not judged.
    """
    told = []
    for kind, title in GROUP_TITLES.items():
        for name, group in _groups(figures, "age", kind):
            overall = figures["age"]["mae"]
            worse = group["mae_ci95"] is not None and group["mae_ci95"][0] > overall
            low, high = group["bias_ci95"] or (0, 0)
            if worse or low > 2 or high < -2:
                side = "too old" if group["bias"] > 0 else "too young"
                told.append(
                    f"{title} {name}: MAE {group['mae']:.1f} years against {overall:.1f} overall; estimates are "
                    f"{abs(group['bias']):.1f} years {side} on average ({group['n']} faces)."
                )
        for name, group in _groups(figures, "gender", kind):
            overall = figures["gender"]["accuracy"]
            if group["accuracy_ci95"] and group["accuracy_ci95"][1] < overall:
                told.append(
                    f"{title} {name}: gender as labelled in {group['accuracy']:.1%} against {overall:.1%} overall "
                    f"({group['n']} faces)."
                )
    return told


def _groups(figures: dict[str, Any], task: str, kind: str) -> Iterable[tuple[str, dict[str, Any]]]:
    groups = figures[task]["groups"].get(kind, {}) if task in figures else {}
    return [(name, group) for name, group in groups.items() if group["n"] >= _LEAST_FACES]
