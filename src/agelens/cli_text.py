"""Results as lines for the terminal."""

from typing import Any


def audit_lines(found: dict[str, Any]) -> list[str]:
    """What `audit` prints, from the content of ``audit.json``."""
    conflicts = found["label_conflicts"]
    lines = [f"{key.replace('_', ' ')}: {value:,}" for key, value in found.items() if isinstance(value, int)]
    return [
        *lines,
        f"pairs with contradicting labels: age {conflicts['age']:,}, gender {conflicts['gender']:,}",
    ]


def comparison_lines(result: dict[str, Any]) -> list[str]:
    """What `compare` prints, from the content of ``comparison.json``."""
    lines = []
    for name, age in result["age"].items():
        gender = result["gender"][name]
        lines.append(
            f"{name:18} MAE {age['val_mae'][-1]:6.2f} {_interval(age['val_mae_ci95'], 1)}  "
            f"accuracy {gender['val_accuracy'][-1]:6.1%}  {age['weights']} weights"
        )
    blind = result["baseline"]
    lines.append(
        f"{'no network':18} MAE {blind['age']['val_mae']:6.2f}  accuracy {blind['gender']['val_accuracy']:.1%}"
    )
    return lines


def training_line(card: dict[str, Any]) -> str:
    """What `train` prints of one network, from its card."""
    training = card["training"]
    best = training["best_epoch"]
    start = f"{card['task']}: {card['network']['backbone']}, best epoch {best} of {training['epochs_run']}, validation "
    if "validation" in training:
        words = {"mae": "MAE {:.3f}", "cs5": "CS@5 {:.1%}", "accuracy": "accuracy {:.1%}"}
        shipped = training["validation"]["int8"]
        return start + ", ".join(text.format(shipped[key]) for key, text in words.items() if key in shipped)
    metric = {"age": "mae", "gender": "accuracy"}[card["task"]]
    return f"{start}{metric} {training['history'][f'val_{metric}'][best - 1]:.3f}"


def evaluation_lines(figures: dict[str, Any]) -> list[str]:
    """What `evaluate`, `run` and `demo` print, from the content of ``evaluation.json``."""
    lines = []
    if "age" in figures:
        age = figures["age"]
        lines.append(
            f"age     MAE {age['mae']:.2f} years {_interval(age['mae_ci95'], 1)}, CS@5 {age['cs5']:.1%}, "
            f"predicting the median {age['baseline_mae']:.2f}, {age['n']} faces"
        )
        if "coverage" in age:
            lines.append(
                f"        90 % intervals hold {age['coverage']:.1%} {_interval(age['coverage_ci95'], 100)} % of the "
                f"ages, {age['interval_years']:.1f} years wide on average"
            )
    if "gender" in figures:
        gender = figures["gender"]
        lines.append(
            f"gender  accuracy {gender['accuracy']:.1%} {_interval(gender['accuracy_ci95'], 100)} %, "
            f"predicting the majority {gender['baseline_accuracy']:.1%}, {gender['n']} faces"
        )
    if figures.get("settings", {}).get("seen_images_included"):
        lines.append("These figures include images that made the networks, so they flatter.")
    return lines


def _interval(ci95: list[float] | None, scale: float) -> str:
    return f"[{ci95[0] * scale:.2f}, {ci95[1] * scale:.2f}]" if ci95 else "[no interval]"
