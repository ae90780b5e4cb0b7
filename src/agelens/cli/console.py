"""Results as lines for the terminal."""

from collections.abc import Callable
from typing import Any

_NO_QUALITY = (
    "picture quality was not looked at; dark, light, blurry and odd pictures are found with: "
    "pip install 'agelens[labels]'"
)


def audit_lines(found: dict[str, Any]) -> list[str]:
    """What `audit` prints, from the content of ``audit.json``."""
    conflicts = found["label_conflicts"]
    lines = [f"{key.replace('_', ' ')}: {value:,}" for key, value in found.items() if isinstance(value, int)]
    lines.append(
        f"groups with contradicting labels: age {conflicts['age']:,}, gender {conflicts['gender']:,}"
    )
    # Runs of earlier versions do not have it.
    if agreement := found.get("label_agreement"):
        pairs = "1 pair" if agreement["pairs"] == 1 else f"{agreement['pairs']:,} pairs"
        lines.append(
            f"labels of one picture: {pairs} of files show the same; their ages differ by "
            f"{agreement['age_difference']:.1f} years on average, and {_percent(1 - agreement['same_gender'])} have "
            "two genders"
        )
    if "picture_quality" in found:
        lines.append(_quality_line(found["picture_quality"]))
    return lines


def _quality_line(quality: dict[str, Any] | None) -> str:
    if quality is None:
        return _NO_QUALITY
    found = ", ".join(f"{issue.replace('_', ' ')} {count:,}" for issue, count in quality["found"].items())
    return f"pictures worth a look: {found}"


def comparison_lines(result: dict[str, Any]) -> list[str]:
    """What `compare` prints, from the content of ``comparison.json``."""
    lines = _backbone_lines(result)
    if exact := result.get("notebook_exact"):
        lines += ["with the notebook's arithmetic:", *_backbone_lines(exact)]
    blind = result["baseline"]
    told = [f"MAE {blind['age']['val_mae']:6.2f}"] if "age" in blind else []
    told += [f"accuracy {_percent(blind['gender']['val_accuracy'])}"] if "gender" in blind else []
    return [*lines, f"{'no network':18} {'  '.join(told)}"]


def _backbone_lines(result: dict[str, Any]) -> list[str]:
    lines = []
    for name in result["age"] or result["gender"]:
        told = [name.ljust(18)]
        if age := result["age"].get(name):
            told.append(f"MAE {age['val_mae'][-1]:6.2f} {_interval(age['val_mae_ci95'])} ")
        if gender := result["gender"].get(name):
            told.append(f"accuracy {_percent(gender['val_accuracy'][-1]):>7} ")
        lines.append(" ".join([*told, f"{(age or gender or {})['weights']} weights"]))
    return lines


def training_line(card: dict[str, Any]) -> str:
    """What `train` prints of one network, from its card."""
    training = card["training"]
    best = training["best_epoch"]
    start = f"{card['task']}: {card['network']['backbone']}, best epoch {best} of {training['epochs_run']}, validation "
    if "validation" in training:
        shipped = training["validation"]["int8"]
        words = {"mae": "MAE {:.3f}".format, "cs5": _cs5, "accuracy": _accuracy}
        return start + ", ".join(say(shipped[key]) for key, say in words.items() if key in shipped)
    metric = {"age": "mae", "gender": "accuracy"}[card["task"]]
    return f"{start}{metric} {training['history'][f'val_{metric}'][best - 1]:.3f}"


def evaluation_lines(figures: dict[str, Any]) -> list[str]:
    """What `evaluate`, `run` and `demo` print, from the content of ``evaluation.json``."""
    lines = []
    if "age" in figures:
        age = figures["age"]
        lines.append(
            f"age     MAE {age['mae']:.2f} years {_interval(age['mae_ci95'])}, {_cs5(age['cs5'])}, "
            f"{_blind('the median', age.get('baseline_mae'), '{:.2f}'.format)}{_faces(age['n'])}"
        )
        if "coverage" in age:
            lines.append(
                f"        90 % intervals hold {_percent(age['coverage'])} {_percents(age['coverage_ci95'])} of the "
                f"ages, {age['interval_years']:.1f} years wide on average"
            )
    if "age_group" in figures:
        group = figures["age_group"]
        lines.append(
            f"age     in the right group {_percent(group['right_group'])} {_percents(group['right_group_ci95'])}, "
            f"at most one group off {_percent(group['one_off'])}, {group['years_outside']:.2f} years outside, "
            f"{_faces(group['n'])}"
        )
    if "gender" in figures:
        gender = figures["gender"]
        lines.append(
            f"gender  {_accuracy(gender['accuracy'])} {_percents(gender['accuracy_ci95'])}, "
            f"{_blind('the majority', gender.get('baseline_accuracy'), _percent)}{_faces(gender['n'])}"
        )
    lines += _limit_lines(figures.get("age_limits", {}))
    lines += _abstention_lines(figures.get("certainty", {}).get("gender", {}).get("abstain"))
    lines += source_lines(figures)
    settings = figures.get("settings", {})
    if left_out := settings.get("images_left_out"):
        lines.append(f"{left_out:,} images left out: they made a network, or look like some that did")
    if without := settings.get("images_without_face"):
        lines.append(f"{without:,} images left out: no face found")
    if settings.get("framed") == "as-they-are":
        lines.append("The images were taken for face crops as they are (--crops-as-they-are).")
    if settings.get("overlap_included"):
        lines.append(
            "These figures include images that made the networks, so they look better than they are."
        )
    return [*lines, *settings.get("notes", [])]


def _limit_lines(section: dict[str, Any]) -> list[str]:
    """A line for each age limit of which under-age faces and others were measured."""
    lines = []
    for limit, told in section.get("limits", {}).items():
        passing, refused = (
            told["overall"]["at_limit"][key] for key in ("false_positives", "false_negatives")
        )
        smallest = told["overall"]["smallest_challenge"]
        if not (passing and refused and smallest["challenge_age"]):
            continue
        lines.append(
            f"limit {limit:3} {_percent(passing['value'])} {_percents([passing['low'], passing['high']])} of the "
            f"{passing['faces']} faces under {limit} are predicted as {limit} or older, {_percent(refused['value'])} "
            f"of the others as younger; from {smallest['challenge_age']} on instead, at most "
            f"{_percent(section['max_false_positives'])} pass, and {_percent(smallest['false_negatives']['value'])} of "
            "the others are refused"
        )
    return lines


def _abstention_lines(told: dict[str, Any] | None) -> list[str]:
    if not told or told["threshold"] is None:
        return []
    return [
        f"certain at most {_percent(told['allowed_error'])} of genders are wrong where the stated probability is at "
        f"least {_percent(told['threshold'])}; this covers {_percent(told['answered']['value'])} of the faces"
    ]


def source_lines(figures: dict[str, Any]) -> list[str]:
    """The key figure of each task on each source, where there are several."""
    by_source: dict[str, list[str]] = {}
    shown = {
        "age": lambda one: f"MAE {one['mae']:.2f} years",
        "age_group": lambda one: f"right group {_percent(one['right_group'])}",
        "gender": lambda one: f"gender {_percent(one['accuracy'])}",
    }
    for task, say in shown.items():
        for source, one in figures.get(task, {}).get("groups", {}).get("source", {}).items():
            by_source.setdefault(source, []).append(f"{say(one)} ({one['n']})")
    return [f"on {source}: {', '.join(told)}" for source, told in by_source.items()]


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count} faces"


def _cs5(share: float) -> str:
    return f"CS@5 {_percent(share)}"


def _accuracy(share: float) -> str:
    return f"accuracy {_percent(share)}"


def _blind(guess: str, score: float | None, write: Callable[[float], str]) -> str:
    """What predicting one value scores, before a comma; nothing where the network's card does not tell that value."""
    return "" if score is None else f"always {guess} of the training faces {write(score)}, "


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(ci95: list[float] | None) -> str:
    return f"[{ci95[0]:.2f}, {ci95[1]:.2f}]" if ci95 else "[no interval]"


def _percents(ci95: list[float] | None) -> str:
    return f"[{100 * ci95[0]:.1f}, {100 * ci95[1]:.1f}]" if ci95 else "[no interval]"
