from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.errors import AgeLensError
from agelens.evaluation.prediction_files import is_prediction_file, match, read_predictions


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_anybodys_csv_is_read(tmp_path: Path) -> None:
    found = read_predictions(
        write(tmp_path / "a.csv", "Path,AGE,Gender\nx.jpg,31.5,F\ny.jpg,,male\nz.jpg,4,\n")
    )
    assert found["path"].tolist() == ["x.jpg", "y.jpg", "z.jpg"]
    np.testing.assert_array_equal(found["age_years"], [31.5, np.nan, 4])
    np.testing.assert_array_equal(found["p_female"], [1, 0, np.nan])
    assert not found["stated"].any()


def test_parquet_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": ["x.jpg", "y.jpg"], "age": [30, 40], "gender": [1, 0]})
    frame.to_parquet(tmp_path / "a.parquet")
    found = read_predictions(tmp_path / "a.parquet")
    assert found["age_years"].tolist() == [30, 40]
    assert found["p_female"].tolist() == [1, 0]


def test_of_what_agelens_writes_the_estimates_are_taken_and_not_the_labels(tmp_path: Path) -> None:
    text = "path,age,gender,age_years,p_female\nx.jpg,10,0,31,0.9\n"
    found = read_predictions(write(tmp_path / "predictions.csv", text))
    assert (found["age_years"].item(), found["p_female"].item()) == (31, 0.9)
    assert found["stated"].all()
    text = "file,face,age_years,p_female\nx.jpg,1,31,0.9\nx.jpg,2,60,0.1\ny.jpg,1,20,0.4\n"
    found = read_predictions(write(tmp_path / "faces.csv", text))
    assert found["age_years"].tolist() == [31, 20]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,name\nx,y\n", "predictions need path, and age or gender"),
        ("age\n3\n", "predictions need path"),
        ("path,age\nx,old\n", "'old' in the column age"),
        ("path,p_female\nx,1.2\n", "from 0 to 1"),
        ("path,gender\nx,0.93\n", "in a column p_female"),
        ("path,age\nx,1\nx,2\n", "names x twice"),
        ("path,age\n", "holds no prediction"),
        ("", "cannot be read as predictions"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=told):
        read_predictions(write(tmp_path / "a.csv", text))


def test_what_is_no_parquet_or_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="cannot be read as predictions"):
        read_predictions(write(tmp_path / "a.parquet", "no parquet"))
    with pytest.raises(AgeLensError, match="does not exist"):
        read_predictions(tmp_path / "gone.csv")
    assert is_prediction_file(Path("a.CSV"))
    assert not is_prediction_file(Path("bundle"))


def test_predictions_belong_to_the_image_of_their_path_or_name(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"path": [str(tmp_path / name) for name in ("a.jpg", "b.jpg", "one/c.jpg", "two/c.jpg")]}
    )
    predictions = pd.DataFrame(
        {
            "path": ["elsewhere/b.jpg", str(tmp_path / "a.jpg"), "two/c.jpg", "c.jpg", "unknown.jpg"],
            "age_years": [1.0, 2, 3, 4, 5],
            "p_female": [0.1] * 5,
            "stated": True,
        }
    )
    found = match(predictions, rows, tmp_path / "predictions.csv")
    # The name c.jpg alone could be either of two.
    np.testing.assert_array_equal(found["age_years"], [2, 1, np.nan, 3])
    with pytest.raises(AgeLensError, match=r"None of the 1 images.*unknown\.jpg"):
        match(predictions.iloc[4:], rows, tmp_path / "predictions.csv")
