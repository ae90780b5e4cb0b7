"""Figures by group in tables and words: what rests on few faces is marked, and is never called best or worst."""

from pathlib import Path

import pandas as pd

from agelens.reporting.group_tables import extremes, group_tables, write_group_table


def result() -> dict:
    groups = {"White": (100, 4.0), "Black": (60, 5.0), "Other": (29, 1.0), "Asian": (5, 9.0)}
    return {
        "n": 194,
        "mae": 4.3,
        "groups": {
            "race": {name: {"n": n, "mae": mae, "mae_ci95": None} for name, (n, mae) in groups.items()}
        },
    }


def test_few_faces_are_marked_and_never_best_or_worst() -> None:
    (table,) = group_tables(result())
    assert {row["name"]: row["few"] for row in table["rows"]} == {
        "White": False, "Black": False, "Other": True, "Asian": True,
    }  # fmt: skip
    (line,) = extremes(result(), "age")
    assert "best White" in line
    assert "worst Black" in line


def test_near_duplicates_count_once() -> None:
    told = result()
    told["groups"]["race"]["White"]["independent"] = 20
    (table,) = group_tables(told)
    assert {row["name"]: row["few"] for row in table["rows"]}["White"]


def test_the_file_holds_numbers_alone(tmp_path: Path) -> None:
    write_group_table(result(), tmp_path / "table.csv")
    written = pd.read_csv(tmp_path / "table.csv")
    assert written["group"].tolist() == ["all", "White", "Black", "Other", "Asian"]
    assert "few" not in written.columns
