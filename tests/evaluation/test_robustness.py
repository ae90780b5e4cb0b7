import numpy as np
import pandas as pd
import pytest
import skimage.data
from PIL import Image

from agelens.errors import AgeLensError
from agelens.evaluation.corruptions import CLEAN, CORRUPTIONS, Corruption
from agelens.evaluation.robustness import LEVEL_COLUMNS, Stressed, stress, summarise
from agelens.inference.predictor import Predictor, load
from agelens.utils.files import digest_file

CHOSEN = {one.name: one for one in CORRUPTIONS}
FEW = (
    Corruption("darkness", "Darkness", (1,), CHOSEN["darkness"].change),
    Corruption("noise", "Noise", (0.05, 3.0), CHOSEN["noise"].change),
    Corruption("face_size", "Face size", (5000, 32), CHOSEN["face_size"].change),
)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """One photograph of a face, twice, one without a face, and one that is no picture."""
    folder = tmp_path_factory.mktemp("photographs")
    astronaut = Image.fromarray(skimage.data.astronaut()).crop((120, 0, 340, 220))
    astronaut.save(folder / "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes())
    Image.new("RGB", (80, 80), "grey").save(folder / "c.png")
    (folder / "d.png").write_bytes(b"no picture")
    paths = sorted(folder.iterdir())
    return pd.DataFrame(
        {
            "path": [str(path) for path in paths],
            "digest": [digest_file(path) for path in paths],
            "age": 36,
            "gender": 1,
        }
    )


@pytest.fixture(scope="module")
def stressed(predictor: Predictor, table: pd.DataFrame) -> Stressed:
    return stress(predictor, table, corruptions=FEW)


def test_every_level_is_measured_once_for_each_picture(stressed: Stressed) -> None:
    rows = stressed.rows
    assert list(zip(rows["corruption"], rows["level"], strict=True)) == [
        (CLEAN, 0), ("darkness", 1), ("noise", 0.05), ("noise", 3.0), ("face_size", 32),
    ]  # fmt: skip
    assert rows["found"].tolist() == [True, True, True, False, True]
    assert rows.loc[rows["found"], "age_years"].between(20, 50).all()
    assert rows.loc[~rows["found"], "age_years"].isna().all()
    assert len(stressed.left_out) == 2
    assert "no face is found" in stressed.left_out[0]
    assert "d.png" in stressed.left_out[1]


def test_the_picture_as_it_is_gets_what_predict_says(
    predictor: Predictor, table: pd.DataFrame, stressed: Stressed
) -> None:
    face = predictor.predict(table["path"][0])[0].faces[0]
    row = stressed.rows.iloc[0]
    assert (row["age_years"], row["age_low"], row["age_high"]) == (
        face.age_years,
        face.age_low,
        face.age_high,
    )
    assert row["p_female"] == pytest.approx(face.p_female, abs=1e-6)


def test_the_same_seed_gives_the_same_rows(
    predictor: Predictor, table: pd.DataFrame, stressed: Stressed
) -> None:
    again = stress(predictor, table.iloc[::-1], corruptions=FEW).rows
    pd.testing.assert_frame_equal(again.drop(columns="path"), stressed.rows.drop(columns="path"))
    other = stress(predictor, table, seed=1, corruptions=FEW[1:2]).rows
    noisy = stressed.rows[stressed.rows["corruption"].isin([CLEAN, "noise"])]
    assert other["p_female"].iloc[1] != noisy["p_female"].iloc[1]


def test_crops_are_not_searched_in_their_copies(predictor: Predictor, table: pd.DataFrame) -> None:
    rows = stress(predictor, table, crops=True, corruptions=FEW[1:2]).rows
    assert rows["found"].all()


def test_pictures_without_a_face_are_refused(predictor: Predictor, table: pd.DataFrame) -> None:
    with pytest.raises(AgeLensError, match="In none of the 1 images a face was found"):
        stress(predictor, table.iloc[2:3], corruptions=FEW)


def made_up() -> Stressed:
    rows = [
        {"digest": str(number), "path": f"{number}", "age": 30, "gender": number % 2, "corruption": name,
         "level": level, "found": found, "age_years": years if found else np.nan, "p_female": 0.8 if found else np.nan,
         "age_low": years - 5 if found else np.nan, "age_high": years + 5 if found else np.nan}
        for name, level, lost, error in ((CLEAN, 0.0, 0, 2), ("blur", 1.0, 2, 7), ("blur", 2.0, 10, 0))
        for number in range(10)
        for found, years in [(number >= lost, 30.0 + error)]
    ]  # fmt: skip
    return Stressed(pd.DataFrame(rows), ())


def test_figures_are_of_the_faces_found_and_beside_them_how_many_were_not() -> None:
    clean, mild, strong = summarise(made_up())
    assert tuple(clean) == LEVEL_COLUMNS
    assert (clean["mae"], clean["mae_change"], clean["found"], clean["coverage"]) == (2, 0, 1, 1)
    assert (mild["mae"], mild["bias"], mild["mae_change"], mild["found"], mild["coverage"]) == (
        7,
        7,
        5,
        0.8,
        0,
    )
    assert mild["n"] == 10
    assert mild["accuracy"] == 0.5
    assert mild["found_ci95"][0] < 0.8 < mild["found_ci95"][1]
    assert (strong["found"], strong["mae"], strong["accuracy"]) == (0, None, None)


@pytest.mark.parametrize("figure", ["found", "mae", "mae_change", "coverage", "accuracy"])
def test_near_duplicates_are_one_piece_of_evidence(figure: str) -> None:
    """Two hundred pictures in fifty groups tell less than two hundred that have nothing to do with one another."""
    rng = np.random.default_rng(3)
    # All pictures of a group are alike in everything.
    of_group = np.repeat(rng.normal(0, 6, 50), 4)
    rows = pd.DataFrame(
        {"digest": [str(number) for number in range(200)], "age": 30, "gender": (of_group > 2).astype(int),
         "found": of_group < 8}
    )  # fmt: skip
    clean = rows.assign(corruption=CLEAN, level=0.0, found=True, age_years=30.0, p_female=0.4)
    worse = rows.assign(corruption="blur", level=1.0, age_years=30.0 + of_group, p_female=0.4)
    whole = pd.concat([clean, worse], ignore_index=True)
    whole = whole.assign(age_low=whole["age_years"] - 5, age_high=whole["age_years"] + 5)

    def width(frame: pd.DataFrame) -> float:
        low, high = summarise(Stressed(frame, ()))[1][f"{figure}_ci95"]
        return float(high - low)

    assert width(whole.assign(group=whole["digest"].astype(int) // 4)) > 1.5 * width(whole)


def test_faces_count_for_what_they_are_labelled_for(predictor: Predictor, table: pd.DataFrame) -> None:
    told = made_up()
    half = told.rows["digest"].astype(int) < 5
    # Estimates of all are 2 years off; what is known of the others would make it far more.
    rows = told.rows.assign(age=np.where(half, 30.0, np.nan), gender=np.where(half, 1.0, np.nan))
    groups = rows.assign(
        age=np.where(half, 30, 74), age_min=np.where(half, 30, 70), age_max=np.where(half, 30, 79)
    )
    for faces in (rows, groups):
        clean, mild, _ = summarise(Stressed(faces, ()))
        assert (clean["mae"], clean["accuracy"], clean["coverage"]) == (2, 1, 1)
        assert (mild["mae"], mild["mae_change"]) == (7, 5)
    nothing = summarise(Stressed(rows.assign(age=np.nan, gender=np.nan), ()))[0]
    assert (nothing["n"], nothing["mae"], nothing["mae_change"], nothing["accuracy"]) == (
        10,
        None,
        None,
        None,
    )
    grouped = stress(predictor, table.iloc[:1].assign(age_min=30, age_max=39), corruptions=FEW[:1]).rows
    assert (grouped["age_min"].tolist(), grouped["age_max"].tolist()) == ([30, 30], [39, 39])


def test_levels_stand_in_their_order_and_tell_of_how_many_ages_they_are() -> None:
    rows = made_up().rows
    # The first picture lacks the mild level.
    rows = rows[(rows["corruption"] != "blur") | (rows["level"] != 1) | (rows["digest"] != "0")]
    mild = rows[rows["level"] == 1]
    rows = pd.concat([rows[rows["level"] != 1], mild]).assign(age_min=30, age_max=30)
    rows.loc[rows["digest"] == "9", "age_max"] = 39
    figures = summarise(Stressed(rows, ()))
    assert [(one["corruption"], one["level"]) for one in figures] == [(CLEAN, 0), ("blur", 1), ("blur", 2)]
    assert [(one["n"], one["aged"]) for one in figures] == [(10, 9), (9, 7), (10, 0)]
