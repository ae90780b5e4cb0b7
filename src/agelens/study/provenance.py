"""What the card of a network says of the images it was made from."""

from agelens.data.labels import has_age_group
from agelens.data.splits import DEFAULT_SPLIT_RATIOS, write_split_ratios
from agelens.study.folder import Run
from agelens.study.origin import source_title
from agelens.study.plan import TrainingPlan
from agelens.training.pretrained_encoders import PretrainedEncoder

UTKFACE_LICENCE = "UTKFace: non-commercial research only"
UTKFACE_ABOUT = (
    "Labels of age in UTKFace were partly guessed by an algorithm and corrected by people, so part of the error is "
    "theirs. Its crops are frontal and tight; profiles, masks and blur were not measured."
)
SYNTHETIC_LICENCE = "synthetic faces by AgeLens: nobody in these pictures exists"


def source_name(run: Run) -> str:
    """The last part of the source's path: a card is handed on, and paths are nobody's business."""
    return source_title(run.config["source"])


def licence(run: Run) -> str:
    """What the images may be used for."""
    if run.config.get("synthetic"):
        return SYNTHETIC_LICENCE
    return UTKFACE_LICENCE if _is_utkface(run) else "as the source of the images says"


def about(run: Run) -> str:
    """What is known of the labels and the crops of this source."""
    told = [UTKFACE_ABOUT] if _is_utkface(run) else []
    table = run.table
    if grouped := int(has_age_group(table).sum()):
        told.append(f"Of {grouped:,} of {len(table):,} faces the age is known as a group only.")
    if "original" in table.columns and (cut := int((table["original"] != "").sum())):
        told.append(f"{cut:,} faces were found in their photographs and aligned by AgeLens.")
    return " ".join(told)


def _is_utkface(run: Run) -> bool:
    """Whether all files are named as UTKFace's are."""
    return not run.config.get("synthetic") and bool((run.table["taken_at"] != "").all())


def training_command(run: Run, plan: TrainingPlan, encoders: list[PretrainedEncoder]) -> str:
    """What a person types to repeat a fine-tuning."""
    options = {
        "--task": plan.tasks[0] if len(plan.tasks) == 1 else None,
        "--soup-size": plan.soup_size,
        "--unfreeze-stages": plan.unfreeze_stages,
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
        *(f"--pretrained {pretrained.file.name}:{pretrained.preprocessing}" for pretrained in encoders),
        *(f"{option} {value}" for option, value in options.items() if value is not None),
    ]
    start = f"agelens train {source_title(run.config['source'], ' ')} --out RUN --recipe finetune"
    return " ".join([start, *told, f"--seed {run.config['seed']}"])
