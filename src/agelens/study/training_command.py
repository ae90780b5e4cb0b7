"""The command that repeats a training from pretrained networks, for the card of its network."""

from pathlib import Path

from agelens.bundles.bundle import OWN
from agelens.bundles.hub import read_hub_address
from agelens.data.split_ratios import DEFAULT_SPLIT_RATIOS, write_split_ratios
from agelens.study.folder import StudyFolder
from agelens.study.origin import source_title
from agelens.study.plan import TrainingPlan


def bundle_name(text: str) -> str:
    """Return a bundle as a card names it; paths are nobody's business."""
    return text if text in OWN or read_hub_address(text) else Path(text).resolve().name


def training_command(run: StudyFolder, plan: TrainingPlan, pretrained: list[str]) -> str:
    """Return what a person types to repeat a training from pretrained networks.

    Args:
        pretrained: what ``--pretrained`` is given.
    """
    options = {
        "--task": plan.tasks[0] if len(plan.tasks) == 1 else None,
        "--teacher": plan.teacher and bundle_name(plan.teacher),
        "--soup-size": plan.soup_size,
        "--unfreeze-stages": plan.unfreeze_stages,
        "--augmented-views": plan.augmented_views,
        "--source-balance": plan.source_balance,
        "--age-balance": plan.age_balance,
        "--epochs": plan.epochs,
        "--batch-size": plan.batch_size,
        "--learning-rate": plan.learning_rate,
        "--limit": run.config.get("limit"),
        "--split-ratios": None
        if run.split_ratios == DEFAULT_SPLIT_RATIOS
        else write_split_ratios(run.split_ratios),
    }
    told = [
        *(f"--pretrained {one}" for one in pretrained),
        *(f"{option} {value}" for option, value in options.items() if value is not None),
    ]
    start = f"agelens train {source_title(run.config['source'], ' ')} --out RUN --recipe {plan.recipe}"
    return " ".join([start, *told, f"--seed {run.config['seed']}"])
