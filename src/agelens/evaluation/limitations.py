"""Where a network does clearly worse than on other faces, in words."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from agelens.errors import AgeLensError
from agelens.evaluation.comparisons import SIGNIFICANCE, holm
from agelens.evaluation.groups import GROUP_TITLES

# Of fewer faces an average says little, and so does a test of it.
_LEAST_FACES = 20
# Years; estimates that are off to one side by less are no limitation to tell of.
_NOTABLE_BIAS = 2.0
_TESTS = {"age": ("mae_p", "bias_p"), "gender": ("accuracy_p",)}


class _Judged(NamedTuple):
    """A group that is judged for one task, and its p-values, first as they are and then corrected."""

    title: str
    name: str
    task: str
    group: dict[str, Any]
    p_values: dict[str, float]


def find_limitations(figures: dict[str, Any]) -> list[str]:
    """Where a network does clearly worse, in words, from the content of ``evaluation.json``.

    A group of ages, gender or race is told if its mean absolute error is larger, or its gender less often as labelled,
    than that of all other faces, or if its estimates are off to one side, and by more than two years. Each difference
    is tested (Welch's and Student's t, by duplicate group) and told only where p is below 0.05 after Holm's correction
    for all the tests together, so that the chance of a single one told for nothing is at most 5 %. Groups of fewer than
    20 faces are not judged.

    Raises:
        AgeLensError: an earlier AgeLens measured, which did not test.
    """
    told = []
    for one in _corrected(list(_judged(figures))):
        if one.task == "age":
            told += _tell_age(one, figures["age"]["mae"])
        elif one.p_values.get("accuracy_p", 1) < SIGNIFICANCE and one.group["accuracy_less_rest"] < 0:
            overall = figures["gender"]["accuracy"]
            told.append(
                f"{one.title} {one.name}: gender as labelled in {one.group['accuracy']:.1%} against {overall:.1%} "
                f"overall ({one.group['n']} faces)."
            )
    return told


def _tell_age(one: _Judged, overall: float) -> list[str]:
    group = one.group
    worse = one.p_values.get("mae_p", 1) < SIGNIFICANCE and group["mae_less_rest"] > 0
    biased = one.p_values["bias_p"] < SIGNIFICANCE and abs(group["bias"]) > _NOTABLE_BIAS
    if not (worse or biased):
        return []
    side = "too old" if group["bias"] > 0 else "too young"
    return [
        f"{one.title} {one.name}: MAE {group['mae']:.1f} years against {overall:.1f} overall; estimates are "
        f"{abs(group['bias']):.1f} years {side} on average ({group['n']} faces)."
    ]


def _judged(figures: dict[str, Any]) -> Iterator[_Judged]:
    for kind, title in GROUP_TITLES.items():
        for task, tests in _TESTS.items():
            groups = figures.get(task, {}).get("groups", {}).get(kind, {})
            for name, group in groups.items():
                if group["n"] < _LEAST_FACES:
                    continue
                if task == "age" and "bias_p" not in group:
                    raise AgeLensError(
                        "These figures were measured by an earlier AgeLens, which did not test them; run "
                        "'agelens evaluate --out RUN --force' first."
                    )
                yield _Judged(title, name, task, group, {key: group[key] for key in tests if key in group})


def _corrected(judged: list[_Judged]) -> list[_Judged]:
    """The same with p-values corrected for all the tests together."""
    values = [value for one in judged for value in one.p_values.values()]
    corrected = iter(holm(values))
    return [one._replace(p_values={key: next(corrected) for key in one.p_values}) for one in judged]
