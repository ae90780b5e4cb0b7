import pandas as pd
import pytest

from agelens.data.provenance import (
    SYNTHETIC_LICENCE,
    UNKNOWN_LICENCE,
    UTKFACE_ABOUT,
    UTKFACE_LICENCE,
    join_licences,
    provenance,
    source_name,
)

UTKFACE = pd.DataFrame({"age": [30, 31], "taken_at": ["20170109150557335", "20170109150557336"]})
OTHER = pd.DataFrame({"age": [30, 31], "taken_at": ["20170109150557335", ""]})


@pytest.mark.parametrize(
    ("synthetic", "table", "licence", "about"),
    [
        (False, UTKFACE, UTKFACE_LICENCE, UTKFACE_ABOUT),
        (False, OTHER, UNKNOWN_LICENCE, ""),
        (False, pd.DataFrame({"age": [3]}), UNKNOWN_LICENCE, ""),
        (
            False,
            pd.DataFrame(
                {
                    "age": [30, 31, 32],
                    "taken_at": ["2017", "2018", ""],
                    "source": ["UTKFace", "UTKFace", "mine"],
                }
            ),
            f"{UTKFACE_LICENCE}; other images: {UNKNOWN_LICENCE}",
            UTKFACE_ABOUT,
        ),
        # Synthetic faces are named as UTKFace's are, and are nobody's.
        (True, UTKFACE, SYNTHETIC_LICENCE, ""),
    ],
)
def test_what_is_known_of_the_images_follows_from_their_names(
    synthetic: bool, table: pd.DataFrame, licence: str, about: str
) -> None:
    config = {"source": "/home/somebody/faces", "synthetic": synthetic}
    # Several sources of one manifest have names of their own.
    source = "UTKFace and mine" if "source" in table.columns else "faces"
    assert provenance(config, table) == {"source": source, "licence": licence, "about": about}


def test_a_study_without_a_source_says_so() -> None:
    assert source_name({}) == "a source not recorded"


def test_a_licence_is_said_once() -> None:
    assert (
        join_licences(["a: free; b: not", "b: not", "c: unknown; a: free"]) == "a: free; b: not; c: unknown"
    )
