"""The steps of a study that need networks: comparing, training, evaluating, and the whole study in one go."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import CARD, SUMS, find_bundles
from agelens.data.provenance import provenance
from agelens.data.splits import check_parts
from agelens.evaluation.compare_backbones import NOTEBOOK_SCALING, Comparison, compare
from agelens.evaluation.evaluate import (
    Evaluation,
    Rules,
    check_columns,
    choose_rows,
    evaluate,
    framed_of,
    of_sources,
)
from agelens.evaluation.overlap import Overlap, check_seen
from agelens.export.keras_model import has_keras_model, keras_file
from agelens.models.backbones import content_digest
from agelens.models.registry import BackboneSpec, find_backbone, training_images_of
from agelens.study.calibrated_bundle import forget_unfinished
from agelens.study.crops import check_crops
from agelens.study.folder import REPORT, StudyFolder
from agelens.study.labelled import labelled_plan, tell_groups
from agelens.study.needs import look_before, weights_of
from agelens.study.plan import TrainingPlan, plain_settings, study_options
from agelens.study.pretrained_steps import FROM_PRETRAINED
from agelens.study.reporting_steps import explore_faces, report_run
from agelens.study.standing import EVALUATION, PREDICTIONS, measured, refuse_to_replace
from agelens.study.train_network import train_network
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
    settings = run.settings(**plain_settings(comparison), contents=contents)

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
            f"{spec.name} WAS TRAINED ON {leaked:,} of the {len(measured):,} faces of the validation and test splits, "
            "so its figures here look better than they are."
        )


def train_networks(run: StudyFolder, plan: TrainingPlan) -> dict[str, Any]:
    """Train and calibrate the networks of a plan on the run's table; returns their cards by task."""
    check_parts(run.table, run.folder)
    check_crops(run)
    plan = labelled_plan(run, plan)
    if plan.recipe in FROM_PRETRAINED:
        return FROM_PRETRAINED[plan.recipe](run, plan)
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
    weights = weights_of(spec, plan.weights)
    making = Settings(
        weights=weights,
        image_size=plan.image_size,
        precision=plan.precision,
        seed=run.config["seed"],
        cache=plan.cache,
        **provenance(run.config, run.table),
        round=run.round(f"train-{task}"),
    )
    settings = run.settings(
        **recipe.settings(), **plain_settings(making), contents=content_digest(spec, weights)
    )
    if weights == "random" and not recipe.trainable:
        run.say(f"{spec.name} has RANDOM weights and is frozen: the {task} network will say little.")
    _warn_of_overlap(run, spec)
    training = run.folder / "training" / task

    def work() -> None:
        train_network(run.table, recipe, spec, training, run.folder / task, making, run.track)

    forget_unfinished(run, task)
    outputs = [f"{task}/{SUMS}", *([keras_file(Path(task)).name] if has_keras_model(spec) else [])]
    run.step(f"train-{task}", settings, outputs, work)


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
    framed = framed_of(align, run.crops_as_they_are)
    target = run.folder / EVALUATION
    bundles = find_bundles(bundle or run.folder)
    # A table that was too small to be split has no parts.
    part = split if "split" in run.table.columns else "all"
    wanted = measured(bundle, bundles, part, overlap, sources, framed)
    check_columns(run.table, group_by)
    check_seen(of_sources(choose_rows(run.table, split), sources), bundles, overlap)
    if not force and (note := refuse_to_replace(run.folder, wanted)):
        run.say(note)
    settings = run.settings(
        bundles={one.task: digest_file(one.folder / SUMS) for one in bundles}, split=split, overlap=overlap,
        seed=run.config["seed"], precision=precision, framed=framed, rules=plain_settings(rules),
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
