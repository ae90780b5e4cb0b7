import pytest

from agelens.data.rows import Rejected
from agelens.data.sources.boxes import parse_box, parse_landmarks


@pytest.mark.parametrize("far", ["1e300", "1e400", "-1e30", "1000001"])
def test_numbers_beyond_any_picture_are_no_places(far: str) -> None:
    assert isinstance(parse_box(f"-1e9 0 {far} 20"), Rejected)
    assert isinstance(parse_box(f"0 0 20 {far}"), Rejected)
    assert isinstance(parse_landmarks(" ".join([*"123456789", far])), Rejected)
    assert parse_box("-20,0 [100000 20]") == "-20 0 100000.0 20"
