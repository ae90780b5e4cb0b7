"""Estimates of anybody's network from a CSV or Parquet file: path, age, gender."""

from pathlib import Path

import numpy as np
import pandas as pd

from agelens.errors import AgeLensError
from agelens.utils.reasons import first_line

ENDINGS = (".csv", ".tsv", ".parquet")
# The first of these names that a file has is taken: what AgeLens writes holds labels in `age` and `gender`.
_PATH, _AGE, _GENDER = ("path", "file", "image"), ("age_years", "age"), ("p_female", "gender")
_FEMALE = {
    **dict.fromkeys(("1", "1.0", "f", "female", "woman"), 1.0),
    **dict.fromkeys(("0", "0.0", "m", "male", "man"), 0.0),
    "": np.nan,
}


def is_prediction_file(path: Path) -> bool:
    """Return whether a path names a file of predictions by its ending."""
    return path.suffix.lower() in ENDINGS


def read_predictions(path: Path) -> pd.DataFrame:
    """Read the predictions of a network.

    Args:
        path: CSV, TSV or Parquet with a column ``path`` (or ``file``), and ``age_years`` or ``age`` (years),
            ``p_female`` (probability, 0 to 1) or ``gender`` (0, m, male or 1, f, female), or both. A column ``face``,
            as `agelens predict` writes it, counts the faces of an image: the first is taken.

    Returns:
        the columns ``path``, ``age_years`` and ``p_female``, NaN where nothing is said, and ``stated``, whether
        ``p_female`` is a stated probability and not a bare answer.

    Raises:
        AgeLensError: it cannot be read, lacks columns, names an image twice, or holds values that are no ages or
            genders.
    """
    table = _read(path)
    table.columns = [str(name).strip().lower() for name in table.columns]
    if "face" in table.columns:
        table = table[table["face"].isin(("1", 1))]
    place, age, gender = (
        next((name for name in names if name in table.columns), None) for names in (_PATH, _AGE, _GENDER)
    )
    if place is None or (age is None and gender is None):
        raise AgeLensError(
            f"{path} has the columns {', '.join(table.columns)}; predictions need path, and age or gender or both."
        )
    found = pd.DataFrame({"path": table[place].astype(str)})
    found["age_years"] = _numbers(table, age, path, (-200.0, 200.0))
    found["p_female"] = (
        _genders(table, path) if gender == "gender" else _numbers(table, gender, path, (0.0, 1.0))
    )
    found["stated"] = gender == "p_female"
    if (twice := found["path"].duplicated()).any():
        raise AgeLensError(
            f"{path} names {found.loc[twice, 'path'].iloc[0]} twice; give one prediction an image."
        )
    if found.empty:
        raise AgeLensError(f"{path} holds no prediction.")
    return found.reset_index(drop=True)


def match(predictions: pd.DataFrame, rows: pd.DataFrame, origin: Path) -> pd.DataFrame:
    """Return the predictions of the rows of a face table, in its order; NaN where there are none.

    A prediction belongs to the image of its path, from the working folder or from that of its file, else to the only
    one of its name.

    Args:
        predictions: from `read_predictions`.
        rows: of a face table.
        origin: the file of the predictions.

    Raises:
        AgeLensError: none of them belongs to any of the rows.
    """
    places = pd.Index(rows["path"])
    names = pd.Series(range(len(rows)), index=[Path(path).name for path in rows["path"]])
    names = names[~names.index.duplicated(keep=False)]
    row_of = []
    for text in predictions["path"]:
        tried = (str(Path(text).absolute()), str(origin.absolute().parent / text))
        known = next((places.get_loc(one) for one in tried if one in places), None)
        row_of.append(int(known) if isinstance(known, int) else int(names.get(Path(text).name, -1)))
    belongs = predictions.assign(row=row_of).query("row >= 0").drop_duplicates("row").set_index("row")
    if belongs.empty:
        raise AgeLensError(
            f"None of the {len(predictions):,} images that {origin} names, such as {predictions['path'].iloc[0]}, is "
            "one of the data; give paths as the data has them, or file names that occur once."
        )
    found = belongs[["age_years", "p_female"]].reindex(range(len(rows)))
    return found.assign(stated=bool(predictions["stated"].all()))


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise AgeLensError(f"{path} does not exist; name a file of predictions or a bundle.") from None
    # pyarrow's errors about what is no Parquet file are ValueErrors too.
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise AgeLensError(f"{path} cannot be read as predictions: {first_line(error)}.") from None


def _numbers(table: pd.DataFrame, name: str | None, path: Path, between: tuple[float, float]) -> pd.Series:
    if name is None:
        return pd.Series(np.nan, index=table.index)
    given = table[name].where(table[name] != "")
    values = pd.to_numeric(given, errors="coerce").astype(np.float64)
    odd = given.notna() & ~values.between(*between)
    if odd.any():
        raise AgeLensError(
            f"{path} holds {given[odd].iloc[0]!r} in the column {name}, which takes numbers from {between[0]:g} to "
            f"{between[1]:g}."
        )
    return values


def _genders(table: pd.DataFrame, path: Path) -> pd.Series:
    words = table["gender"].where(table["gender"].notna(), "").astype(str).str.strip().str.lower()
    odd = ~words.isin(list(_FEMALE))
    if odd.any():
        raise AgeLensError(
            f"{path} holds {words[odd].iloc[0]!r} in the column gender, which takes 0, m or male and 1, f or female; "
            "give probabilities of female in a column p_female."
        )
    return words.map(_FEMALE).astype(np.float64)
