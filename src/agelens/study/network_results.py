"""What the steps of a study that need networks return: objects that print, plot and become tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from agelens.bundles.bundle import BOTH, TASKS
from agelens.data.labels import has_exact_age
from agelens.errors import AgeLensError
from agelens.models.keras_start import load_keras
from agelens.reporting import facts, prediction_charts, result_charts
from agelens.reporting.formats import percent
from agelens.reporting.result_charts import MEASURES
from agelens.reporting.study_files import card_of_task
from agelens.reporting.training_chart import training_history
from agelens.study.results import Charts, StudyResult
from agelens.utils.extras import naming_extras

if TYPE_CHECKING:
    import keras


# Of faces whose age is known as a group only, in ``evaluation.json``.
AGE_GROUP = "age_group"
# What of an evaluation stands below a cell.
_TOLD = (
    "task", "kind", "group", "n", "mae", "cs5", "bias", "coverage", "right_group", "one_off", "years_outside",
    "accuracy", "auc",
)  # fmt: skip


def _bounds(result: dict[str, Any], key: str) -> tuple[float | None, float | None]:
    low, high = result.get(f"{key}_ci95") or (None, None)
    return low, high


@dataclass(frozen=True, repr=False, eq=False)
class ComparisonResult(StudyResult):
    """How well frozen backbones tell age and gender.

    Attributes:
        content: the value of ``comparison.json``: for each task and backbone its curves, final figures and costs.
    """

    content: dict[str, Any]

    @property
    def tasks(self) -> tuple[str, ...]:
        """What was compared: "age", "gender" or both, as far as the faces are labelled."""
        return tuple(task for task in TASKS if self.content.get(task))

    def summary(self) -> str:
        return " ".join(facts.verdict(self.content, task) for task in self.tasks)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each backbone with its final validation figures, their 95 % intervals and its costs.

        ``age_mae`` is in years, ``gender_accuracy`` from 0 to 1; where the notebook's own arithmetic was compared too,
        ``arithmetic`` tells the rows apart. The last row is what guessing without looking scores.
        """
        ways = {"agelens": self.content}
        if exact := self.content.get("notebook_exact"):
            ways["notebook"] = exact
        first = self.tasks[0]
        rows = [self._row(way, found, name) for way, found in ways.items() for name in found[first]]
        rows.append({"backbone": "no network", **self._blind()})
        # Whole numbers stay whole beside the row that has none.
        frame = pd.DataFrame(rows).astype({"parameters": "Int64", "image_size": "Int64"})
        return frame if len(ways) > 1 else frame.drop(columns="arithmetic")

    def _blind(self) -> dict[str, float]:
        """What guessing without looking scores, by column of the table."""
        keys = {task: MEASURES[task].key for task in self.tasks}
        baseline = self.content["baseline"]
        return {f"{task}_{key}": baseline[task][f"val_{key}"] for task, key in keys.items()}

    def _row(self, way: str, found: dict[str, Any], name: str) -> dict[str, Any]:
        row: dict[str, Any] = {"backbone": name, "arithmetic": way}
        for task in self.tasks:
            measure = MEASURES[task]
            key, column = f"val_{measure.key}", f"{task}_{measure.key}"
            row[column] = found[task][name][key][-1]
            row[f"{column}_low"], row[f"{column}_high"] = _bounds(found[task][name], key)
        costs = found[self.tasks[0]][name]
        return row | {
            key: costs.get(key) for key in ("images_per_second", "parameters", "image_size", "weights")
        }

    def _short_frame(self) -> pd.DataFrame:
        frame = self.to_frame()
        return frame[[name for name in frame.columns if not name.endswith(("_low", "_high"))]]

    def _charts(self) -> Charts:
        charts: Charts = {}
        for task in self.tasks:
            charts[f"learning_curves_{task}"] = partial(result_charts.learning_curves, self.content, task)
        for task in self.tasks:
            if any(map(result_charts.has_speed, self.content[task].values())):
                charts[f"error_against_cost_{task}"] = partial(
                    result_charts.error_against_cost, self.content, task
                )
            if self.content.get("notebook_exact"):
                charts[f"two_arithmetics_{task}"] = partial(result_charts.two_arithmetics, self.content, task)
        return charts


@dataclass(frozen=True, repr=False, eq=False)
class TrainingResult(StudyResult):
    """Networks that were trained.

    Attributes:
        cards: the card of each bundle, by its task: "age", "gender", or "both" for one network of the two.
        folder: holds the bundles, ``age/`` and ``gender/`` or ``both/``, which `agelens.load` takes, and the Keras
            models beside them.

    Example:
        ::

            trained = study.train()
            trained.plot("training_history_age")
            keras_model = trained.model("age")  # uint8 (faces, side, side, 3) to years (faces, 1)
            predictor = agelens.load(trained.folder)
    """

    cards: dict[str, dict[str, Any]]
    folder: Path

    @property
    def _by_task(self) -> dict[str, dict[str, Any]]:
        """A card for each task; that of a network for both is told twice, each time with the history of one."""
        if BOTH in self.cards:
            return {task: card_of_task(self.cards[BOTH], task) for task in TASKS}
        return self.cards

    def summary(self) -> str:
        told = [
            f"{row['task']}: {row['backbone']}, epoch {row['best_epoch']} of {row['epochs_run']}, "
            f"validation {MEASURES[row['task']].words} {facts.score(row['task'], row['validation'])}"
            for row in self._rows()
        ]
        return "; ".join(told)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for task, card in self._by_task.items():
            training, key = card["training"], MEASURES[task].key
            best = training["best_epoch"]
            shipped = training.get("validation", {}).get("int8", {})
            yield {
                "task": task,
                "backbone": card["network"]["backbone"],
                "recipe": training["recipe"],
                "best_epoch": best,
                "epochs_run": training["epochs_run"],
                "validation": shipped.get(key, training["history"][f"val_{key}"][best - 1]),
            }

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each task and epoch: ``loss``, ``val_loss``, the metric and its validation figure."""
        frames = []
        for task, card in self._by_task.items():
            history = pd.DataFrame(card["training"]["history"])
            history.insert(0, "epoch", range(1, len(history) + 1))
            history.insert(0, "task", task)
            frames.append(history)
        return pd.concat(frames, ignore_index=True)

    def _short_frame(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows())

    def _charts(self) -> Charts:
        return {
            f"training_history_{task}": partial(training_history, card)
            for task, card in self._by_task.items()
        }

    def model(self, task: str) -> "keras.Model":
        """Return the trained Keras model of a task.

        It is loaded from ``age.keras`` or ``gender.keras`` beside the bundle, with ``safe_mode`` on, takes RGB bytes,
        uint8 (faces, side, side, 3), with the side of the training, and gives (faces, 1): years, or the probability
        of the label female. Its preprocessing is inside it. It estimates as the bundle does.

        Raises:
            AgeLensError: no network of this task was trained, or it has no Keras model: fine-tuned and adapted
                networks, which are shipped in int8, and those on ONNX backbones.
        """
        if task not in self._by_task:
            raise AgeLensError(
                f"No network was trained for {task!r}; there are networks for {', '.join(self._by_task)}."
            )
        with naming_extras():
            load_keras()
            from agelens.export.keras_model import keras_file, read_keras_model

            return read_keras_model(keras_file(self.folder / (BOTH if BOTH in self.cards else task)))


@dataclass(frozen=True, repr=False, eq=False)
class EvaluationResult(StudyResult):
    """How well networks do on faces that they have not seen.

    Attributes:
        content: the value of ``evaluation.json``: figures by task with 95 % intervals, baselines and groups.
        predictions: the faces measured, a row each, with ``age_years``, ``age_low``, ``age_high`` and ``p_female``
            where a network gives them.
    """

    content: dict[str, Any]
    predictions: pd.DataFrame

    @property
    def tasks(self) -> tuple[str, ...]:
        """What was measured of exact ages and of genders: "age", "gender" or both."""
        return tuple(task for task in TASKS if task in self.content)

    @property
    def measured(self) -> tuple[str, ...]:
        """All that was measured: `tasks`, and "age_group" for faces whose age is known as a group only."""
        return (*self.tasks, *([AGE_GROUP] if AGE_GROUP in self.content else []))

    def summary(self) -> str:
        told = []
        for task in self.measured:
            result = self.content[task]
            if task == AGE_GROUP:
                told.append(_told_groups(result))
                continue
            measure = MEASURES[task]
            low, high = (facts.score(task, bound) for bound in _bounds(result, measure.key))
            told.append(
                f"{task}: {measure.words} {facts.score(task, result[measure.key])} [{low}, {high}], "
                f"{result['n']:,} faces"
            )
        return "; ".join(told)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each task and group: ``task``, ``kind``, ``group``, ``n`` and each figure with its interval.

        ``task`` is one of `measured`. ``kind`` is "all" for all faces, else what the groups are told apart by:
        "age_band", "age_range", "age_group", "gender", "race" or "predicted_band". ``mae_low`` and ``mae_high`` are the
        ends of the 95 % interval of ``mae``.
        """
        rows = []
        for task in self.measured:
            result = self.content[task]
            groups = {"all": {"all faces": result}} | result["groups"]
            for kind, found in groups.items():
                rows += [
                    {"task": task, "kind": kind, "group": name, **_flat(figures)}
                    for name, figures in found.items()
                ]
        return pd.DataFrame(rows)

    def _short_frame(self) -> pd.DataFrame:
        frame = self.to_frame()
        kept = [name for name in _TOLD if name in frame.columns]
        return frame.loc[frame["kind"].isin(["all", "age_band", "age_group", "gender"]), kept]

    def _charts(self) -> Charts:
        charts: Charts = {}
        if "age" in self.tasks:
            # Of a group its middle would be drawn, which nobody measured.
            exact = self.predictions[has_exact_age(self.predictions)]
            measured = exact.dropna(subset=["age_years"])
            charts["predicted_against_true"] = partial(prediction_charts.predicted_against_true, measured)
        for task, name in (("age", "error_by_group"), ("gender", "accuracy_by_group")):
            if result_charts.has_groups(self.content, task):
                charts[name] = partial(getattr(result_charts, name), self.content)
        return charts


def _told_groups(result: dict[str, Any]) -> str:
    """How many ages lie in the group that is known, as `EvaluationResult.summary` tells it."""
    low, high = (percent(bound) for bound in _bounds(result, "right_group"))
    return f"age group: right group {percent(result['right_group'])} [{low}, {high}], {result['n']:,} faces"


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of a group with the ends of their intervals in columns of their own."""
    flat: dict[str, Any] = {}
    for key, value in figures.items():
        if key.endswith("_ci95"):
            name = key.removesuffix("_ci95")
            flat[f"{name}_low"], flat[f"{name}_high"] = value or (None, None)
        elif key not in ("groups", "confusion"):
            flat[key] = value
    return flat
