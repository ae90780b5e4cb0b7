"""What finding and face alignment cost, and what they gain: crops pasted at random angle, size and place into pictures.

    agelens audit UTKFACE_FOLDER --out RUN --seed SEED      # the seed with which the bundle was trained
    python benchmarks/alignment.py --run RUN --split test

Each face of the part is turned by up to 45 degrees either way, scaled to 60 to 400 pixels and laid over a photograph
without people (from scikit-image, `pip install scikit-image`). Then it is estimated three ways: the crop as it is,
which no photograph offers; found in the picture and aligned by its landmarks, as AgeLens does; and found, but cut
out upright by its box, brought to the size and place that boxes have in training crops. All figures are of the faces
that were found; how many were not is told. Differences are paired, with 95 % bootstrap intervals over faces.
"""

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage import data

import agelens
from agelens.detection.alignment import align_faces
from agelens.detection.detector import find_faces
from agelens.evaluation.metrics import interval
from agelens.inference.predictor import Predictor
from agelens.utils.files import write_json
from agelens.utils.images import Pixels, read_rgb
from agelens.utils.progress import bar

SIDES = (60, 100, 200, 400)
TURN = 45.0
CANVAS = (1200, 900)
WAYS = ("crop as it is", "found and aligned", "found, cut out upright")


def main() -> None:
    options = parse()
    table = pd.read_csv(options.run / "table.csv", keep_default_na=False)
    rows = table[table["split"] == options.split].reset_index(drop=True)
    rows = rows.head(options.images or len(rows))
    predictor = agelens.load(options.bundle)
    found = measure(predictor, rows, options.seed)
    result = tell(found, options.seed)
    if options.json:
        write_json(options.json, result)


def parse() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--run", type=Path, required=True, help="folder of a run with table.csv")
    made.add_argument("--split", default="validation", help="validation (default) or test")
    made.add_argument("--bundle", type=Path, help="a bundle; AgeLens's own if not given")
    made.add_argument("--images", type=int, help="use only this many faces")
    made.add_argument("--seed", type=int, default=42, help="of angles, sizes, places and intervals")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    return made.parse_args()


def backgrounds() -> list[Pixels]:
    """Photographs without people, at the size of the pictures."""
    images = [data.coffee(), data.chelsea(), data.rocket(), data.hubble_deep_field(), data.retina()]
    return [
        cv2.resize(np.asarray(image)[..., :3], CANVAS, interpolation=cv2.INTER_LINEAR) for image in images
    ]


def paste(crop: Pixels, under: Pixels, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.float64], float]:
    """The picture, the matrix (2, 3) from the crop's pixels to its own, and the side of the face in it, pixels."""
    image_size = np.exp(rng.uniform(np.log(SIDES[0]), np.log(SIDES[-1])))
    angle, scale = np.radians(rng.uniform(-TURN, TURN)), image_size / crop.shape[0]
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    reach = image_size * (np.abs(np.cos(angle)) + np.abs(np.sin(angle))) / 2
    centre = np.array([rng.uniform(reach, length - reach) for length in CANVAS])
    # Antialiased: shrunk first, then turned.
    source = (
        cv2.resize(crop, (round(image_size), round(image_size)), interpolation=cv2.INTER_AREA)
        if scale < 1
        else crop
    )
    placed = [around(turn * crop.shape[0] / image.shape[0], image, centre) for image in (crop, source)]
    laid = cv2.warpAffine(source, placed[1], CANVAS, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(
        np.full(source.shape[:2], 255, np.uint8), placed[1], CANVAS, flags=cv2.INTER_NEAREST
    )
    return np.where(mask[..., None] > 0, laid, under), placed[0], float(image_size)


def around(turn: NDArray[np.float64], image: Pixels, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (2, 3) that turns an image and brings its middle to a centre."""
    middle = [(image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2]
    return np.column_stack([turn, centre - turn @ middle])


def measure(predictor: Predictor, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row a face: its labels, size, whether it was found, and the estimates of each way."""
    rng = np.random.default_rng(seed)
    under = backgrounds()
    relation = box_relation(predictor, rows)
    sheets: dict[str, list[Pixels]] = {way: [] for way in WAYS}
    facts = []
    with bar("pictures", len(rows)) as advance:
        for row in rows.itertuples():
            crop = read_rgb(Path(row.path))
            picture, matrix, image_size = paste(crop, under[int(rng.integers(len(under)))], rng)
            centre = matrix @ [crop.shape[1] / 2, crop.shape[0] / 2, 1]
            hit = find_faces(predictor.detector, picture)
            boxes = hit.boxes.reshape(-1, 2, 2)
            inside = np.hypot(*(boxes.mean(1) - centre).T) < image_size / 3
            facts.append({"age": row.age, "gender": row.gender, "image_size": image_size, "found": bool(inside.any()),
                          "others": int((~inside).sum())})  # fmt: skip
            advance(1)
            if inside.any():
                number = int(np.flatnonzero(inside)[np.argmax(hit.scores[inside])])
                sheets[WAYS[0]].append(crop)
                sheets[WAYS[1]].append(align_faces(picture, hit.landmarks[[number]], predictor.geometry)[0])
                sheets[WAYS[2]].append(upright(picture, hit.boxes[number], relation, predictor))
    table = pd.DataFrame(facts)
    for way, crops in sheets.items():
        faces = predictor.predict(crops, crops=True).faces
        table.loc[table["found"], f"{way} age"] = [face.age_years for face in faces]
        table.loc[table["found"], f"{way} p_female"] = [face.p_female for face in faces]
    return table


def box_relation(predictor: Predictor, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Where a box lies in a crop: its middle (x, y) and its height, medians over some crops, in shares of the side."""
    places = []
    for path in rows["path"].head(300):
        crop = read_rgb(Path(path))
        found = find_faces(predictor.detector, crop)
        if len(found.scores):
            left, top, right, bottom = found.boxes[0] / crop.shape[0]
            places.append(((left + right) / 2, (top + bottom) / 2, bottom - top))
    return np.median(places, axis=0)


def upright(picture: Pixels, box: Any, relation: NDArray[np.float64], predictor: Predictor) -> Pixels:
    """The square around a box that lies to it as training crops lie to theirs."""
    x, y, share = relation
    image_size = (box[3] - box[1]) / share
    corner = np.array([(box[0] + box[2]) / 2 - x * image_size, (box[1] + box[3]) / 2 - y * image_size])
    points = corner + image_size * np.array(predictor.geometry.landmarks)
    return align_faces(picture, points[None], predictor.geometry)[0]


def tell(table: pd.DataFrame, seed: int) -> dict[str, Any]:
    print(
        f"{len(table)} faces, found {table['found'].mean():.2%}; other things taken for faces: {table['others'].sum()}"
    )
    result: dict[str, Any] = {"faces": len(table), "found": float(table["found"].mean())}
    ranges = [(SIDES[0], SIDES[-1]), *pairwise(SIDES)]
    for low, high in ranges:
        split = table[table["image_size"].between(low, high)]
        print(f"\n{low} to {high} pixels: {len(split)} faces, found {split['found'].mean():.2%}")
        split = split[split["found"]]
        result[f"{low}-{high}"] = {way: figures(split, way, seed) for way in WAYS}
        for way, row in result[f"{low}-{high}"].items():
            more = "".join(
                f"  {name} {row[key]:+.2f} [{row[f'{key}_ci95'][0]:+.2f}, {row[f'{key}_ci95'][1]:+.2f}]"
                for name, key in (("years", "years_lost"), ("points", "points_lost"))
                if key in row
            )
            print(f"{way:24} MAE {row['mae']:.2f}  CS@5 {row['cs5']:.1%}  gender {row['accuracy']:.1%}{more}")
    return result


def figures(split: pd.DataFrame, way: str, seed: int) -> dict[str, Any]:
    """MAE in years, CS@5 and accuracy of gender, and what is lost against the crops as they are."""

    def of(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        errors = (split[f"{name} age"] - split["age"]).abs().to_numpy(np.float64)
        right = ((split[f"{name} p_female"] >= 0.5) == (split["gender"] == 1)).to_numpy(np.float64)
        return errors, right

    errors, right = of(way)
    row = {"mae": float(errors.mean()), "cs5": float((errors <= 5).mean()), "accuracy": float(right.mean())}
    if way != WAYS[0]:
        plain_errors, plain_right = of(WAYS[0])
        row["years_lost"] = float((errors - plain_errors).mean())
        row["years_lost_ci95"] = interval(errors - plain_errors, seed)
        row["points_lost"] = float(100 * (plain_right - right).mean())
        row["points_lost_ci95"] = interval(100 * (plain_right - right), seed)
    return row


if __name__ == "__main__":
    main()
