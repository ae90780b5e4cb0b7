"""Two networks, or anybody's predictions, on the same faces: who is better at what, and for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agelens.data.labels import age_bounds, has_age_group, has_exact_age, has_label
from agelens.errors import AgeLensError
from agelens.evaluation.age_groups import years_outside
from agelens.evaluation.groups import FEW_FACES, age_ranges, groups_of, kind_title
from agelens.evaluation.metrics import CS_YEARS
from agelens.evaluation.paired import PairedDifference, decide, paired_difference
from agelens.evaluation.resampling import Array, clusters_of


@dataclass(frozen=True)
class Figure:
    """A figure that two networks are compared by.

    Attributes:
        title: in words, with its unit.
        fewer_is_better: whether a smaller value is the better one.
        share: whether it is a share, told in percent.
    """

    title: str
    fewer_is_better: bool
    share: bool = False

    def told(self, value: float) -> str:
        """The value as a person reads it."""
        return f"{100 * value:.1f} %" if self.share else f"{value:.3f}"

    def told_difference(self, value: float) -> str:
        """A difference of two values as a person reads it, with its sign; of shares in percentage points."""
        # Plus 0.0, for what is rounded to nothing has no sign.
        return f"{round(100 * value, 1) + 0.0:+.1f} points" if self.share else f"{round(value, 3) + 0.0:+.3f}"

    def told_interval(self, ends: Sequence[float] | None) -> str:
        """The interval of a difference, [low, high], as a person reads it; a dash for None."""
        if ends is None:
            return "–"
        low, high = (self.told_difference(end) for end in ends)
        return f"{low.removesuffix(' points')} to {high}"


FIGURES = {
    "age_mae": Figure("Age: mean absolute error (years)", True),
    "age_cs5": Figure("Age: within 5 years (CS@5)", False, share=True),
    "age_right_group": Figure("Age: in the right group", False, share=True),
    "age_log_loss": Figure("Age: log loss of the distribution", True),
    "gender_accuracy": Figure("Gender: accuracy", False, share=True),
    "gender_log_loss": Figure("Gender: log loss", True),
}


@dataclass(frozen=True)
class ModelComparison:
    """What came of comparing two networks.

    Attributes:
        names: of the first and the second.
        faces: how many both estimated.
        only: how many faces only the first and only the second estimated, which are left out.
        neither: how many neither did.
        overall: by figure the paired difference over all faces, p corrected for the number of figures.
        groups: by figure, kind and name of group, p corrected for the number of all of these.
    """

    names: tuple[str, str]
    faces: int
    only: tuple[int, int]
    neither: int
    overall: dict[str, PairedDifference]
    groups: dict[str, dict[str, dict[str, PairedDifference]]]

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return {
            "names": list(self.names),
            "faces": self.faces,
            "only": list(self.only),
            "neither": self.neither,
            "overall": {name: one.to_json() for name, one in self.overall.items()},
            "groups": {
                name: {
                    kind: {group: one.to_json() for group, one in named.items()}
                    for kind, named in kinds.items()
                }
                for name, kinds in self.groups.items()
            },
        }

    def verdicts(self) -> list[str]:
        """Who is better at what, in words: first over all faces, then in groups of at least FEW_FACES."""
        told = [f"{FIGURES[name].title}: {self._verdict(name, one)}." for name, one in self.overall.items()]
        for name, kinds in self.groups.items():
            for kind, named in kinds.items():
                told += [
                    f"{FIGURES[name].title}, {kind_title(kind).lower()} {group}: {self._verdict(name, one)}."
                    for group, one in named.items()
                    if one.better and one.faces >= FEW_FACES
                ]
        return told

    def _verdict(self, name: str, one: PairedDifference) -> str:
        figure = FIGURES[name]
        few = ", which are few" if one.faces < FEW_FACES else ""
        values = f"{figure.told(one.first)} against {figure.told(one.second)}, {one.faces:,} faces{few}"
        if not one.better:
            return f"not clearly apart ({values})"
        return f"{self.names[one.better == 'second']} is better ({values})"


def face_figures(rows: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, Array]:
    """Return one value a face for each of FIGURES that a network says something for, NaN where it does not.

    Args:
        rows: of a face table.
        predicted: in the same order: ``age_years``, ``p_female``, and where there is one ``p_age``, the probability
            of the labelled age; ``stated`` tells whether ``p_female`` is a probability.
    """
    found: dict[str, Array] = {}
    # Where the label is not known, nothing is right or wrong.
    years = predicted["age_years"].where(has_exact_age(rows).to_numpy()).to_numpy(float)
    if not np.isnan(years).all():
        errors = np.abs(years - rows["age"].to_numpy(float))
        found["age_mae"] = errors
        found["age_cs5"] = np.where(np.isnan(errors), np.nan, errors <= CS_YEARS)
    years = predicted["age_years"].where(has_age_group(rows).to_numpy()).to_numpy(float)
    if not np.isnan(years).all():
        outside = years_outside(years, *age_bounds(rows))
        found["age_right_group"] = np.where(np.isnan(years), np.nan, outside == 0)
    if "p_age" in predicted.columns:
        p_age = predicted["p_age"].where(has_exact_age(rows).to_numpy()).to_numpy(float)
        found["age_log_loss"] = -np.log(np.maximum(p_age, 1e-9))
    p_female = predicted["p_female"].where(has_label(rows, "gender").to_numpy()).to_numpy(float)
    female = (rows["gender"] == 1).to_numpy()
    if not np.isnan(p_female).all():
        right = ((p_female >= 0.5) == female).astype(float)
        found["gender_accuracy"] = np.where(np.isnan(p_female), np.nan, right)
        if predicted["stated"].all():
            of_label = np.where(female, p_female, 1 - p_female)
            found["gender_log_loss"] = -np.log(np.maximum(of_label, 1e-9))
    return found


def compare_predictions(
    rows: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame, names: tuple[str, str], seed: int
) -> ModelComparison:
    """Compare two networks on the faces that both estimated.

    Args:
        rows: of a face table, with ``group`` where an audit found duplicates.
        first, second: predictions in the order of the rows, as for `face_figures`.
        names: of the two.
        seed: of the paired bootstrap.

    Raises:
        AgeLensError: there is nothing that both estimated.
    """
    one, other = face_figures(rows, first), face_figures(rows, second)
    shared = [name for name in FIGURES if name in one and name in other]
    known = [
        np.any([~np.isnan(values) for values in found.values()], axis=0)
        if found
        else np.full(len(rows), False)
        for found in (one, other)
    ]
    both = known[0] & known[1]
    if not shared or not both.any():
        raise AgeLensError(
            f"{names[0]} and {names[1]} estimated nothing that could be compared: no figure or no face is in both."
        )
    members = {"": {"": np.full(len(rows), True)}, **groups_of(rows), "age_range": age_ranges(rows)}
    found: dict[tuple[str, str, str], PairedDifference] = {}
    clusters = clusters_of(rows)
    for name in shared:
        measured = both & ~np.isnan(one[name]) & ~np.isnan(other[name])
        for kind, named in members.items():
            for group, chosen in named.items():
                if (inside := chosen & measured).any():
                    found[name, kind, group] = paired_difference(
                        one[name][inside], other[name][inside], clusters[inside], seed
                    )
    overall = {key: value for key, value in found.items() if not key[1]}
    by_group = {key: value for key, value in found.items() if key[1]}
    decided = _decide(overall) | _decide(by_group)
    return ModelComparison(
        names,
        int(both.sum()),
        (int((known[0] & ~known[1]).sum()), int((known[1] & ~known[0]).sum())),
        int((~known[0] & ~known[1]).sum()),
        {name: decided[name, "", ""] for name in shared if (name, "", "") in decided},
        _nested({key: decided[key] for key in by_group}),
    )


def _decide(found: Mapping[tuple[str, str, str], PairedDifference]) -> dict[Any, PairedDifference]:
    fewer = [FIGURES[name].fewer_is_better for name, *_ in found]
    return dict(zip(found, decide(list(found.values()), fewer), strict=True))


def _nested(
    found: Mapping[tuple[str, str, str], PairedDifference],
) -> dict[str, dict[str, dict[str, PairedDifference]]]:
    nested: dict[str, dict[str, dict[str, PairedDifference]]] = {}
    for (name, kind, group), one in found.items():
        nested.setdefault(name, {}).setdefault(kind, {})[group] = one
    return nested
