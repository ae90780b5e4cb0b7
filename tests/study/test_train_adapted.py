from pathlib import Path

import pandas as pd
import pytest

from agelens.bundles.bundle import Bundle, find_one_bundle
from agelens.errors import AgeLensError
from agelens.study.train_adapted import train_adapted
from agelens.training.adapt_recipe import Adaptation
from agelens.training.transfer import Settings


@pytest.mark.parametrize(
    ("key", "value"),
    [("preprocessing", None), ("parameters", "many"), ("ensemble_weights", [{}]), ("weights", 3)],
)
def test_a_card_that_lacks_what_is_told_of_a_network_is_refused_in_a_sentence(
    table: pd.DataFrame, tmp_path: Path, key: str, value: object
) -> None:
    small = find_one_bundle("small")
    odd = {**small.card["network"], key: value}
    bundle = Bundle(small.folder, {**small.card, "network": odd}, small.network, {})
    rows = table.assign(group=table["digest"])
    with pytest.raises(AgeLensError, match=r"card\.json holds an odd network"):
        train_adapted(rows, [bundle], Adaptation(), tmp_path, tmp_path / "both", Settings())
