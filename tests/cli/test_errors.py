"""Values that an option does not take are told in the words of the other sentences."""

import pytest


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("stress", "--limit", "3"), "'--limit': it takes a number from 10 up."),
        (("predict", "x", "--age-limit", "200"), "'--age-limit': it takes a number up to 116."),
        (("align", "x", "--image-size", "99999"), "'--image-size': it takes a number up to 4096."),
        (("predict", "x", "--min-score", "x"), "'--min-score': it takes a number."),
        (("run", "--seed", "abc"), "'--seed': it takes a whole number."),
    ],
)
def test_a_value_that_is_not_taken_is_one_sentence(agelens, command: tuple[str, ...], words: str) -> None:
    answer = agelens(*command)
    assert (answer.status, answer.err) == (2, f"agelens: Invalid value for {words}\n")
