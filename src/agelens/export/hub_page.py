"""The README.md of a bundle on the Hugging Face hub: what machines read of it, and its card in words."""

from typing import Any

import yaml

_NAMES = {
    "age": ("mae", "Mean absolute error, years"),
    "age_group": ("right_group", "Share in the right age group"),
    "gender": ("accuracy", "Accuracy"),
}


def hub_page(card: dict[str, Any], page: bool = True) -> str:
    """Return the page of a bundle's card, with the block of YAML that the hub reads.

    The weights are for research only wherever the data were, so the licence is told as "other".

    Args:
        page: whether ``card.html`` lies beside it, which only a bundle has that was exported for others.
    """
    data = card.get("data", {})
    front = {
        "library_name": "agelens",
        "license": "other",
        "license_name": _licence_name(card),
        "pipeline_tag": "image-classification",
        "tags": ["age-estimation", "face-analysis", "onnx", "openvino"],
        "model-index": [{"name": _name(card), "results": _results(card)}],
    }
    lines = [
        "---", yaml.safe_dump(front, sort_keys=False, allow_unicode=True).rstrip(), "---", "",
        f"# {_name(card)}", "", str(card.get("intended_use", "")), "",
        f"Data: {data.get('source', 'unknown')} ({data.get('licence', 'licence unknown')}). "
        f"Weights that it began from: {card['network'].get('weights_licence', 'unknown')}.", "",
        "```python", "import agelens", "",
        'predictor = agelens.load("hf://OWNER/NAME@COMMIT")  # a commit of 40 digits, so that it stays the same', "```",
        "", *_section("Limits", card.get("limitations", [])),
        *_section("It must not", card.get("out_of_scope_use", [])),
        f"All figures by group stand in `card.json`{', and as a page in `card.html`' if page else ''}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _licence_name(card: dict[str, Any]) -> str:
    """The terms of data and weights in short: research only where either says so, else where they can be read."""
    told = f"{card.get('data', {}).get('licence', '')} {card['network'].get('weights_licence', '')}"
    return "non-commercial-research-only" if "non-commercial" in told else "see-card"


def _section(title: str, sentences: list[str]) -> list[str]:
    return [f"## {title}", "", *[f"- {sentence}" for sentence in sentences], ""] if sentences else []


def _name(card: dict[str, Any]) -> str:
    what = {"both": "age and gender", "age": "age", "gender": "gender"}[card["task"]]
    return f"AgeLens, {what} of a face"


def _results(card: dict[str, Any]) -> list[dict[str, Any]]:
    """One result for each task and source: a figure of one data set is no figure of another."""
    figures = card.get("evaluation", {})
    whole = str(card.get("data", {}).get("source", "unknown"))
    return [
        {
            "task": {"type": "image-classification", "name": f"{task.replace('_', ' ')} estimation"},
            "dataset": {"name": source, "type": source.lower().replace(" ", "-"), "split": "test"},
            "metrics": [{"type": key, "name": name, "value": round(float(told[key]), 4)}],
        }
        for task, (key, name) in _NAMES.items()
        if task in figures
        for source, told in (figures[task].get("groups", {}).get("source") or {whole: figures[task]}).items()
    ]
