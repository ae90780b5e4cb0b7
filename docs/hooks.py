"""What the docs site takes from elsewhere when it is built, so that it cannot go stale.

The reference of the command line comes from the command line itself, that of Python from the public names, figures of
the bundled network from its card, and the pages of benchmarks from the folder `benchmarks`.
"""

import json
import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.cli import get_docs_for_click

ROOT = Path(__file__).resolve().parent.parent
CARD = ROOT / "src" / "agelens" / "bundles" / "bundled"
BENCHMARKS = ("README.md", "research-log.md")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Return the site's files with those that are generated or stand elsewhere in the repository."""
    files.append(File.generated(config, "reference/cli.md", content=command_line()))
    files.append(File.generated(config, "reference/api.md", content=public_names()))
    files.append(File.generated(config, "card.html", abs_src_path=str(CARD / "card.html")))
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        files.append(File.generated(config, f"examples/{path.name}", abs_src_path=str(path)))
    for name in BENCHMARKS:
        text = (ROOT / "benchmarks" / name).read_text(encoding="utf-8").replace("](../docs/", "](../")
        files.append(File.generated(config, f"benchmarks/{name}", content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with the tables of the card in the place of ``<!-- card: NAME -->``, and links into the site."""
    # In the repository these folders stand beside docs, in the site below it.
    markdown = re.sub(r"\]\(\.\./((?:\.\./)*)(examples|benchmarks)/", r"](\1\2/", markdown)
    if "<!-- card: " in markdown:
        for name, text in card_tables().items():
            markdown = markdown.replace(f"<!-- card: {name} -->", text)
    if "<!-- card: " in markdown:
        raise ValueError(
            f"{page.file.src_uri} asks for a table of the card that docs/hooks.py does not make."
        )
    return "\n".join(_unbroken(line) if line.startswith("|") else line for line in markdown.split("\n"))


def command_line() -> str:
    """Return every command with its arguments and options, as Markdown."""
    from agelens.cli.main import app

    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="agelens")
    lines = ["# Command line", "", "Written from the commands themselves when this site is built.", ""]
    names = root.list_commands(context)
    commands = {name: root.get_command(context, name) for name in names}
    lines += [f"- [`agelens {name}`](#agelens-{name}): {command.help}" for name, command in commands.items()]
    for command in commands.values():
        lines += ["", get_docs_for_click(obj=command, ctx=context, indent=1, call_prefix="agelens")]
    return "\n".join(lines)


def public_names() -> str:
    """Return the page of the public names, each for mkdocstrings to describe."""
    import agelens

    # In the order of the package, which is by use; the alphabet would begin with the results of the steps.
    names = sorted(set(agelens.__all__) - {"__version__"}, key=list(agelens._HOMES).index)
    lines = [
        "# Python",
        "",
        "The public names. They are loaded when they are first asked for, so `import agelens` costs nothing.",
        "",
    ]
    return "\n".join(lines + [f"::: agelens.{name}\n" for name in names])


def card_tables() -> dict[str, str]:
    """Return the figures of the bundled network's card as Markdown, by name."""
    card = json.loads((CARD / "card.json").read_text(encoding="utf-8"))
    figures = card["evaluation"]
    groups = figures["age"]["groups"]
    return {
        "overall": _table(
            "ages", {"all ages": figures["age"], **groups["age_range"]}, figures["gender"], "age_range"
        ),
        "groups": "\n\n".join(
            _table(title, groups[name], figures["gender"], name)
            for name, title in (
                ("age_band", "age band"),
                ("gender", "gender as labelled"),
                ("race", "race as labelled"),
            )
        ),
        "sources": _source_table(figures),
        "comparison": _comparison_table(card["comparison"]),
        "wrong_labels": _wrong_labels(card["label_issues"]),
        "over_seeds": _seeds_table(card.get("over_seeds", {"figures": []})),
        "limitations": "\n".join(f"- {sentence}" for sentence in card["limitations"]),
        "out_of_scope_use": "\n".join(f"- {use}" for use in card["out_of_scope_use"]),
        "intended_use": card["intended_use"],
        "about": card["data"]["about"],
    }


def _table(title: str, ages: dict[str, Any], gender: dict[str, Any], name: str) -> str:
    lines = [
        f"| {title} | faces | age MAE, years | bias, years | CS@5 | ages within the interval | gender as labelled |",
        "|---|---|---|---|---|---|---|",
    ]
    for group, age in ages.items():
        same = gender["groups"][name].get(group, gender)
        lines.append(
            f"| {group} | {age['n']:,} | {_years(age, 'mae')} | {age['bias']:+.1f} | {_percent(age, 'cs5')} "
            f"| {age['coverage']:.1%} | {_percent(same, 'accuracy')} |".replace("%", " %")
        )
    return "\n".join(lines)


def _source_table(figures: dict[str, Any]) -> str:
    """Return the figures by source; ages that are known as groups have a share in the right group, and no MAE."""
    exact, grouped, gender = (
        figures.get(task, {}).get("groups", {}).get("source", {}) for task in ("age", "age_group", "gender")
    )
    lines = [
        "| source | faces | age MAE, years | in the right age group | 90 % intervals that hold the age (its group) "
        "| their width, years | gender as labelled |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, own in gender.items():
        age, group = exact.get(name), grouped.get(name)
        mae = _years(age, "mae") if age else "–"
        right = _percent(group, "right_group") if group else "–"
        held = [f"{age['coverage']:.1%}"] if age else []
        held += [f"({group['interval_meets']:.1%})"] if group and "interval_meets" in group else []
        width = (age or group or {}).get("interval_years")
        lines.append(
            f"| {name} | {own['n']:,} | {mae} | {right} | {' '.join(held) or '–'} "
            f"| {'–' if width is None else f'{width:.1f}'} | {_percent(own, 'accuracy')} |".replace("%", " %")
        )
    return "\n".join(lines)


def _comparison_table(told: dict[str, Any]) -> str:
    """Return the figures of the bundled network beside those of another one on the same faces."""
    from agelens.evaluation.compare_models import FIGURES

    other = told["other"]
    lines = [
        f"| | faces | default | {other} | difference, 95 % interval | p, corrected | better |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {"this": "default", "other": other, "": "not clear"}
    for row in told["overall"]:
        figure = FIGURES[row["figure"]]
        apart = f"{figure.told_difference(row['difference'])} ({figure.told_interval(row['ci95'])})"
        p = f"{row['p']:.3f}" if row["p"] >= 0.001 else "< 0.001"
        lines.append(
            f"| {figure.title} | {row['faces']:,} | {figure.told(row['this'])} | {figure.told(row['other'])} | {apart} "
            f"| {p} | {names[row['better']]} |"
        )
    return "\n".join(lines)


def _wrong_labels(told: dict[str, Any]) -> str:
    """Return how many gender labels of the bundled network's data are probably wrong."""
    share = told["estimated_wrong_genders"] / told["gender_labels"]
    return (
        f"{told['estimated_wrong_genders']:,} of the {told['gender_labels']:,} gender labels ({100 * share:.1f} %) of "
        f"{told['source']}"
    )


def _seeds_table(told: dict[str, Any]) -> str:
    """Return means and standard deviations over the seeds, by source and figure."""
    from agelens.evaluation.over_seeds import tell_over_seeds

    lines = ["| figure | faces | mean (standard deviation) |", "|---|---|---|"]
    lines += [f"| {one['figure']} | {one['source']} | {tell_over_seeds(one)} |" for one in told["figures"]]
    return "\n".join(lines)


def _unbroken(row: str) -> str:
    """Return a row of a table in which no line ends within "75.1 %" or "[73.0, 77.0]"."""
    row = re.sub(r"(?<=[\d)]) %", "\u00a0%", row)
    return re.sub(r"(\[[\u2212-]?[\d.]+,) (?=[\d.]+\])", "\\1\u00a0", row)


def _years(figures: dict[str, Any], name: str) -> str:
    low, high = figures[f"{name}_ci95"]
    return f"{figures[name]:.2f} [{low:.2f}, {high:.2f}]"


def _percent(figures: dict[str, Any], name: str) -> str:
    low, high = figures[f"{name}_ci95"]
    return f"{figures[name]:.1%} [{100 * low:.1f}, {100 * high:.1f}]"
