"""What the steps of a study need to begin with, looked for before the first of them."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from agelens.models.registry import REGISTRY, BackboneSpec
from agelens.study.folder import StudyFolder
from agelens.training.needs import Need, look_for_all
from agelens.training.recipes import find_recipe


class Plan(Protocol):
    """What of `agelens.study.plan.TrainingPlan` decides which networks training begins from."""

    @property
    def tasks(self) -> tuple[str, ...]: ...
    @property
    def recipe(self) -> str: ...
    @property
    def age_backbone(self) -> str | None: ...
    @property
    def gender_backbone(self) -> str | None: ...
    @property
    def weights(self) -> str: ...
    @property
    def pretrained(self) -> tuple[str, ...]: ...


def look_before(
    run: StudyFolder, backbones: Sequence[str] = (), weights: str = "imagenet", plan: Plan | None = None
) -> None:
    """Make sure that the networks and weights that are to be compared and trained from are there.

    What a step was made from that is done is not asked for again.

    Args:
        backbones, weights: of a comparison; none is made of none.
        plan: of a training.

    Raises:
        AgeLensError: some are missing; the sentences name all of them.
    """
    needs: list[Need] = []
    if not _made(run, "compare", backbones=list(backbones), weights=weights):
        needs += [Need(backbone, weights) for backbone in backbones]
    if plan is not None:
        needs += _for_training(run, plan)
    needs = [need for need in needs if need not in run.found]
    look_for_all(needs)
    run.found.update(needs)


def _for_training(run: StudyFolder, plan: Plan) -> Iterator[Need]:
    if plan.recipe == "finetune":
        yield from (Need(text, face_network=True) for text in plan.pretrained)
    if plan.recipe in ("finetune", "adapt") or plan.pretrained:
        # Others take no face networks, and will say so.
        return
    for task, name in (("age", plan.age_backbone), ("gender", plan.gender_backbone)):
        backbone = name or find_recipe(plan.recipe, task).backbone
        known = next((spec for spec in REGISTRY.values() if spec.name.lower() == backbone.lower()), None)
        weights = weights_of(known, plan.weights)
        if task in plan.tasks and not _made(run, f"train-{task}", backbone=backbone, weights=weights):
            yield Need(backbone, weights)


def weights_of(spec: BackboneSpec | None, wanted: str) -> str:
    """Return the weights that a backbone begins from where some are asked for.

    Args:
        spec: None is a backbone that AgeLens does not know by its name.
    """
    # A network that learns from nothing has no use for files of weights.
    scratch = spec is not None and spec.imagenet is None and spec.file is None
    return "random" if scratch and wanted == "imagenet" else wanted


def _made(run: StudyFolder, step: str, **settings: Any) -> bool:
    """Whether a step is done with these settings, and is not to be done again."""
    kept = run.config.get("steps", {}).get(step, {}).get("settings", {})
    return not run.force and bool(kept) and all(kept.get(key) == value for key, value in settings.items())
