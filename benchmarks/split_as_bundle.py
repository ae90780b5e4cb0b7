"""Split a study as a bundle was split: what it learned from, what chose or calibrated it, and what it never saw.

    agelens audit UTKFACE FairFace.csv --out my-run
    python benchmarks/split_as_bundle.py --run my-run --bundle agelens
    agelens train --out my-run --recipe adapt --pretrained agelens

A bundle holds the digests of its training and validation images (training_images.csv), of crops also those of their
photographs. Faces that it does not know become the test split, and a face of the test or validation split that shows
the same picture as one that was learned from is left out. A split that is drawn anew may differ in some faces, since
near duplicates across sources depend on how photographs were cropped. The study's table.csv is replaced.
"""

import argparse
from pathlib import Path

import pandas as pd

from agelens.bundles.bundle import Bundle, find_one_bundle
from agelens.data.splits import describe_splits
from agelens.data.table import ORIGINAL_COLUMNS, write_table
from agelens.study.folder import StudyFolder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a study that was audited")
    parser.add_argument("--bundle", default="agelens", help="a bundle, agelens or small")
    options = parser.parse_args()
    run = StudyFolder(options.run)
    run.begin(None)
    table = split_as(run.table, find_one_bundle(options.bundle))
    write_table(table, options.run / "table.csv")
    run.accept("audit", ["table.csv"])
    for source, rows in table.groupby("source"):
        print(f"{source}: {describe_splits(rows)}")


def split_as(table: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """The faces of a table with the splits of a bundle, without those that would leak."""
    known = pd.Series(bundle.training_images).replace("calibration", "validation")
    split = table["digest"].map(known)
    if ORIGINAL_COLUMNS[1] in table.columns:
        split = split.fillna(table[ORIGINAL_COLUMNS[1]].map(known))
    table = table.assign(split=split.fillna("test"))
    # The split of a group that may not be measured on: what was learned from comes before what chose.
    rank = table["split"].map({"train": 0, "validation": 1, "test": 2})
    leaks = rank > rank.groupby(table["group"]).transform("min")
    print(f"left out, for they show what another split shows: {int(leaks.sum()):,}")
    return table[~leaks].reset_index(drop=True)


if __name__ == "__main__":
    main()
