"""Whether the bundled network gives the same ages and genders, to the bit, before and after a change.

Each of two commits is checked out beside this one, and both answer, in processes of their own, about the same
synthetic faces: as crops, and laid into photographs in which they are found and aligned. Every number of every answer
is compared: ages, intervals, distributions, probabilities, boxes and landmarks. Exit status 1 if one differs.

    python benchmarks/same_answers.py 1fc5102~1 HEAD
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
SEED = 42

# Runs on both sides, so it knows both names of each thing: version 0.1.0 renamed them without aliases.
_ASK = """
import json, sys
from pathlib import Path
import agelens

folder, out, precision = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
predictor = agelens.load(precision=precision)
ask = predictor.predict if hasattr(predictor, "predict") else predictor.estimate
answers = []
for kind in ("crops", "photographs"):
    for file in sorted((folder / kind).glob("*.[jp]*g")):
        # One by one: how many faces run together depends on the moment, and changes the last digits of bfloat16.
        (photo,) = ask([file], crops=kind == "crops")
        for face in photo.faces:
            interval = getattr(face, "prediction_interval", None) or getattr(face, "age_interval", None)
            values = [face.age_years, face.p_female, *face.age_distribution, *interval]
            if kind == "photographs":
                values += [*face.box, face.score, *(x for point in face.landmarks for x in point)]
            answers.append([f"{kind}/{Path(photo.file).name}", [float(value).hex() for value in values]])
out.write_text(json.dumps(answers))
"""


def _write_inputs(folder: Path, count: int) -> None:
    """Synthetic faces as crops of 200 pixels, and each in a photograph of its own, at another size."""
    from agelens.data.synthetic.dataset import synthesize_faces

    random = np.random.default_rng(SEED)
    synthesize_faces(folder / "crops", count, SEED)
    (folder / "photographs").mkdir()
    for file in sorted((folder / "crops").glob("*.jpg")):
        side = int(random.integers(60, 400))
        photograph = Image.fromarray(random.integers(90, 130, (480, 640, 3), dtype=np.uint8))
        corner = (int(random.integers(0, 640 - side)), int(random.integers(0, 480 - side)))
        photograph.paste(Image.open(file).convert("RGB").resize((side, side)), corner)
        photograph.save(folder / "photographs" / f"{file.name.split('.')[0]}.png")


def _answers(commit: str, inputs: Path, temporary: Path, precision: str) -> list[Any]:
    """What AgeLens of a commit says about the inputs."""
    tree, out = temporary / f"tree-{commit}", temporary / f"{commit}.json"
    subprocess.run(
        ["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=REPOSITORY, check=True
    )
    try:
        subprocess.run(
            [sys.executable, "-c", _ASK, inputs, out, precision],
            env={**os.environ, "PYTHONPATH": str(tree / "src")},
            check=True,
        )
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=REPOSITORY, check=True)
    return list(json.loads(out.read_text()))


def main() -> int:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("before", help="a commit, such as HEAD~1")
    arguments.add_argument("after", help="another, such as HEAD; what is not committed does not count")
    arguments.add_argument("--images", type=int, default=100, help="how many faces (default 100)")
    arguments.add_argument("--precision", default="auto", help="auto, f32 or bf16 (default auto)")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        _write_inputs(temporary / "inputs", given.images)
        sides = [
            subprocess.run(
                ["git", "rev-parse", "--short", commit],
                cwd=REPOSITORY,
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            for commit in (given.before, given.after)
        ]
        before, after = (_answers(side, temporary / "inputs", temporary, given.precision) for side in sides)
    numbers = sum(len(values) for _, values in before)
    different = [one[0] for one, other in zip(before, after, strict=False) if one != other]
    print(f"{sides[0]}: {len(before):,} faces, {numbers:,} numbers; {sides[1]}: {len(after):,} faces")
    if len(before) != len(after) or different:
        print(f"different: {len(different):,} faces, such as {different[:3]}")
        return 1
    print("the same to the bit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
