"""Packing: a measured network as a bundle for others, whose card holds its figures and can be read as a page."""

import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from agelens._version import __version__
from agelens.bundles.bundle import CARD, NETWORK, PAGE, SEEN, SUMS, Bundle, find_bundles, write_bundle
from agelens.errors import AgeLensError
from agelens.reporting import facts
from agelens.utils.files import read_json

# Of fewer faces an average says little, and so does the interval that is drawn from them.
_LEAST_FACES = 20
# What a bundle is made of; anything else beside it is somebody's own.
_OWN = {NETWORK, CARD, SEEN, PAGE, SUMS, ".DS_Store"}

MUST_NOT = (
    "decide about a person: admission, age checks, employment, credit, policing, advertising to children",
    "identify people, or follow them",
    "be taken for a statement about who a person is: gender is the binary label that somebody gave a picture",
    "be sold, or built into what is sold, where the licence of its data (below) forbids it",
)


def pack(run: Path, target: Path) -> dict[str, Any]:
    """Write a run's bundle to ``target`` with the figures of its test part in its card, and the card as a page.

    Args:
        run: the folder of a run whose one bundle was measured on the test part.

    Returns:
        the new card.

    Raises:
        AgeLensError: the run was not measured, not on its test part, or not with this bundle.
    """
    _refuse_to_replace(target, run)
    found = find_bundles(run)
    if len(found) != 1:
        raise AgeLensError(
            f"{run} holds networks apart for age and gender, and a bundle for others is one network; pack a run of "
            "'agelens train --task age', of --task gender, or of --recipe finetune."
        )
    bundle = found[0]
    _refuse_another(target, bundle)
    evaluation = run / "evaluation.json"
    if not evaluation.is_file():
        raise AgeLensError(f"{run} was not measured yet; run 'agelens evaluate --out {run}' first.")
    figures = read_json(evaluation)
    settings = figures["settings"]
    measured = set(settings["bundles"].values()) == {bundle.card["identity"]}
    if measured and settings["part"] == "test" and settings["seen_images_included"]:
        raise AgeLensError(
            f"{evaluation} counts images that made the network or its backbone, so it is no figure to hand on; measure "
            "with --skip-seen, split other images, or begin from a backbone that has not seen these."
        )
    if not measured or settings["part"] != "test":
        raise AgeLensError(
            f"{evaluation} does not tell how {bundle.folder} does on the test part; run 'agelens evaluate --out {run} "
            "--force'."
        )
    card = {key: value for key, value in bundle.card.items() if key != "format"} | {
        "evaluation": figures,
        "known_failures": known_failures(figures),
        "must_not": list(MUST_NOT),
    }
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "network.onnx"
        network.write_bytes(bundle.network)
        write_bundle(target, network, card, bundle.seen, page=card_page(card))
    return card


def _refuse_to_replace(target: Path, run: Path) -> None:
    """Writing a bundle replaces its folder: only an older bundle, or an empty folder, may stand there."""
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if target.is_file() or (names and (SUMS not in names or names - _OWN)):
        raise AgeLensError(f"{target} holds something else than a bundle; give another folder.")
    if target.resolve() == run.resolve() or target.resolve() in run.resolve().parents:
        raise AgeLensError(f"{target} holds the run itself; give another folder.")


def _refuse_another(target: Path, bundle: Bundle) -> None:
    """The bundle that stands there may only be one of the same network, whose figures are new."""
    if not (target / CARD).is_file():
        return
    card = read_json(target / CARD)
    if not isinstance(card, dict) or card.get("identity") != bundle.card["identity"]:
        raise AgeLensError(
            f"{target} holds the bundle of another network; give another folder, or delete this one."
        )


def known_failures(figures: dict[str, Any]) -> list[str]:
    """Where a network does clearly worse than overall, in words, from the content of ``evaluation.json``.

    A group of ages, gender or race is told if the 95 % interval of its error lies wholly on the worse side of the
    overall figure, or if its estimates are off to one side by clearly more than two years. Groups of fewer than 20
    faces are not judged.
    """
    told = []
    for kind, title in facts.GROUP_TITLES.items():
        for name, group in _groups(figures, "age", kind):
            overall = figures["age"]["mae"]
            worse = group["mae_ci95"] is not None and group["mae_ci95"][0] > overall
            low, high = group["bias_ci95"] or (0, 0)
            if worse or low > 2 or high < -2:
                side = "too old" if group["bias"] > 0 else "too young"
                told.append(
                    f"{title} {name}: MAE {group['mae']:.1f} years against {overall:.1f} overall; estimates are "
                    f"{abs(group['bias']):.1f} years {side} on average ({group['n']} faces)."
                )
        for name, group in _groups(figures, "gender", kind):
            overall = figures["gender"]["accuracy"]
            if group["accuracy_ci95"] and group["accuracy_ci95"][1] < overall:
                told.append(
                    f"{title} {name}: gender as labelled in {group['accuracy']:.1%} against {overall:.1%} overall "
                    f"({group['n']} faces)."
                )
    return told


def _groups(figures: dict[str, Any], task: str, kind: str) -> Iterable[tuple[str, dict[str, Any]]]:
    groups = figures[task]["groups"].get(kind, {}) if task in figures else {}
    return [(name, group) for name, group in groups.items() if group["n"] >= _LEAST_FACES]


def card_page(card: dict[str, Any]) -> str:
    """The card as one HTML page that needs nothing else."""
    source = resources.files("agelens.reporting").joinpath("card.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(card=card, facts=facts, version=__version__)
