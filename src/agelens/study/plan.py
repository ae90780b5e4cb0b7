"""What networks a study trains."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import TASKS
from agelens.errors import AgeLensError
from agelens.evaluation.compare_backbones import Comparison
from agelens.training.adapt_recipe import Adaptation
from agelens.training.finetune_recipe import FineTuning
from agelens.training.pretrained_encoders import PretrainedEncoder


@dataclass(frozen=True)
class TrainingPlan:
    """What networks to train; a None leaves it to the recipe.

    Attributes:
        tasks: "age", "gender" or both.
        recipe: "notebook" (frozen backbones), "scratch" (a small network that learns whole), "finetune" (a face
            network, one for all the tasks) or "adapt" (the heads of a bundle).
        age_backbone, gender_backbone: names or files, for the first two.
        pretrained: files of face networks, ``FILE`` or ``FILE:PREPROCESSING``, for "finetune"; what several say is
            averaged. For "adapt" bundles, each a folder or "agelens".
        teacher: a bundle that "finetune" learns from beside the labels.
        soup_size: how many trainings "finetune" averages.
        unfreeze_stages: how many resolutions "finetune" lets learn.
        augmented_views: how many altered copies of each face "finetune" and "adapt" learn from.
        source_balance, age_balance: how "finetune" and "adapt" draw their faces.
        weights, image_size, precision, cache: as in `agelens.training.transfer.Settings`.
        epochs, patience, batch_size, learning_rate, trainable: replace the recipe's.
        notebook_exact: train frozen backbones with the notebook's own arithmetic (pixels / 255, features as they come).

    Raises:
        AgeLensError: settings that belong to different recipes, or names that are empty.
    """

    tasks: tuple[str, ...] = TASKS
    recipe: str = "notebook"
    age_backbone: str | None = None
    gender_backbone: str | None = None
    weights: str = "imagenet"
    image_size: int | None = None
    precision: str = "auto"
    cache: Path | None = None
    epochs: int | None = None
    patience: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    trainable: bool | None = None
    pretrained: tuple[str, ...] = ()
    soup_size: int | None = None
    unfreeze_stages: int | None = None
    augmented_views: int | None = None
    notebook_exact: bool = False
    source_balance: float | None = None
    age_balance: float | None = None
    teacher: str | None = None

    def __post_init__(self) -> None:
        for option, names in (("--pretrained", self.pretrained), ("--teacher", (self.teacher,))):
            if "" in names:
                raise AgeLensError(f"{option} has an empty name; name a network, or leave it out.")
        if self.notebook_exact and (self.recipe != "notebook" or self.trainable):
            raise AgeLensError(
                "--notebook-exact is the arithmetic of the notebook's frozen backbones; leave it out, or leave out "
                "--trainable and any --recipe but notebook."
            )
        learned: dict[str, Any] = {
            "--pretrained": self.pretrained or None,
            "--source-balance": self.source_balance,
            "--age-balance": self.age_balance,
            "--augmented-views": self.augmented_views,
        }
        finetuned: dict[str, Any] = {
            "--soup-size": self.soup_size,
            "--unfreeze-stages": self.unfreeze_stages,
            "--teacher": self.teacher,
        }
        if self.recipe != FineTuning.name:
            _refuse(finetuned, "--recipe finetune")
        if self.recipe not in (FineTuning.name, Adaptation.name):
            _refuse(learned, "--recipe finetune or adapt; other recipes take --age-backbone")
        # A recipe refuses what nothing could learn by: now, and not once the faces are audited.
        if self.recipe == FineTuning.name:
            _changed(FineTuning(tasks=self.tasks), self)
        if self.recipe == Adaptation.name:
            adaptation(self, self.tasks)


def _refuse(options: Mapping[str, Any], recipes: str) -> None:
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise AgeLensError(
            f"{' and '.join(given)} {'belongs' if len(given) == 1 else 'belong'} to {recipes}."
        )


def study_options(comparison: Comparison, plan: TrainingPlan) -> dict[str, Any]:
    """Return the options of `agelens run` that make this comparison and these networks, as JSON values by name."""
    return {
        "backbones": list(comparison.backbones),
        "head": comparison.head,
        "notebook_exact": comparison.notebook_exact,
        "weights": plan.weights if plan.recipe == "notebook" else comparison.weights,
        "image_size": plan.image_size,
        "recipe": plan.recipe,
        "age_backbone": plan.age_backbone,
        "gender_backbone": plan.gender_backbone,
        "epochs": plan.epochs,
        "precision": plan.precision,
        "cache": None if plan.cache is None else str(plan.cache.absolute()),
    }


def fine_tuning(plan: TrainingPlan, pretrained: PretrainedEncoder) -> FineTuning:
    """The recipe that suits a face network, with what the plan says otherwise."""
    return _changed(pretrained.suited(FineTuning(tasks=plan.tasks)), plan)


def _changed(recipe: FineTuning, plan: TrainingPlan) -> FineTuning:
    """A recipe with what the plan says otherwise."""
    return recipe.replace(
        epochs=plan.epochs,
        learning_rate=plan.learning_rate,
        batch_size=plan.batch_size,
        soup_size=plan.soup_size,
        unfreeze_stages=plan.unfreeze_stages,
        augmented_views=plan.augmented_views,
        source_balance=plan.source_balance,
        age_balance=plan.age_balance,
    )


def adaptation(plan: TrainingPlan, tasks: tuple[str, ...]) -> Adaptation:
    """The recipe of adapting a bundle for some tasks, with what the plan says otherwise."""
    return Adaptation(tasks=tasks).replace(
        epochs=plan.epochs,
        learning_rate=plan.learning_rate,
        batch_size=plan.batch_size,
        augmented_views=plan.augmented_views,
        source_balance=plan.source_balance,
        age_balance=plan.age_balance,
    )


def plain_settings(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON; which round it is stands elsewhere in a run's configuration."""
    fields = {key: value for key, value in asdict(settings).items() if key != "round"}
    return {key: str(value) if isinstance(value, Path) else value for key, value in fields.items()}
