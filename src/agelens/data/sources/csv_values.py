"""What stands in the columns of a manifest, as labels: each value by itself, and a column as a whole."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agelens.data.labels import AGE_RANGE
from agelens.errors import AgeLensError

# What a person or a program writes for the two labels; capitals do not matter.
GENDER_WORDS = {
    **dict.fromkeys(("male", "m", "man", "men", "males", "boy", "男"), 0),
    **dict.fromkeys(("female", "f", "woman", "women", "females", "girl", "女"), 1),
}
# Digits that pandas, R and spreadsheets write behind a whole number; three behind a comma could be thousands.
_WHOLE = re.compile(r"([+-]?\d{1,9})(?:\.0*|,0{1,2}|,0{4,9})?")
_GROUP = re.compile(
    r"\d+\s*(-|–|—|to|_)\s*\d+|.*(more|less|over|under|above|below).*|[<>]=?\s*\d+|\d+\s*\+", re.I
)
_TOLD = 30


def whole_number(text: str) -> int | None:
    """The whole number that a text is, also as "25.0" and "25,0"; None where it is none."""
    match = _WHOLE.fullmatch(text)
    return int(match[1]) if match else None


def parse_age(name: str, text: str) -> int | str:
    """An age in years, or what is wrong with it; ``name`` is what its column is called."""
    if not text:
        return f"the {name} is empty"
    age = whole_number(text)
    if age is None:
        return f"{name} {shorten(text)} is not a whole number"
    if not AGE_RANGE[0] <= age <= AGE_RANGE[1]:
        return f"{name} {age} is outside {AGE_RANGE[0]} to {AGE_RANGE[1]}"
    return age


def parse_gender(name: str, text: str) -> int | str:
    """0 (male) or 1 (female), or what is wrong with it."""
    if not text:
        return f"the {name} is empty"
    word = unicodedata.normalize("NFKC", text).casefold()
    code = GENDER_WORDS.get(word, whole_number(word))
    return code if code in (0, 1) else f"{name} {shorten(text)} is not 0, 1, male or female"


def check_ages(manifest: Path, name: str, texts: Sequence[str]) -> None:
    """Refuse, with an AgeLensError, a column that holds no age at all, such as one of groups or of years of birth."""
    filled = [text for text in texts if text]
    if not filled:
        return
    if any(isinstance(parse_age(name, text), int) for text in filled):
        return
    groups = all(_GROUP.fullmatch(text) for text in filled)
    what = "groups of ages, such as" if groups else "no age, but for example"
    raise AgeLensError(
        f"The column {name} of {manifest} holds {what} {shorten(filled[0])}; give the age of each face in whole years, "
        f"{AGE_RANGE[0]} to {AGE_RANGE[1]}."
    )


def check_genders(manifest: Path, name: str, texts: Sequence[str]) -> list[str]:
    """Refuse a column of genders that would be misunderstood; returns notes on how one was understood.

    Raises:
        AgeLensError: nothing in it is a gender, or another code than 0 and 1 is as frequent as these: where 1 stands
            for male and 2 for female, as in many surveys, each 1 would be taken for female.
    """
    counts = Counter(text for text in texts if text)
    codes, words = Counter[int](), []
    for text, count in counts.items():
        if (code := whole_number(text)) is not None:
            codes[code] += count
        elif isinstance(parse_gender(name, text), int):
            words.append(text)
    others = codes.total() - codes[0] - codes[1]
    if others > min(codes[0], codes[1]) and not (words and others == codes.total()):
        told = ", ".join(str(code) for code in sorted(codes) if codes[code])
        raise AgeLensError(
            f"The column {name} of {manifest} holds the codes {told}, and AgeLens reads 0 as male and 1 as female; "
            "write male and female, or 0 and 1."
        )
    if counts and not words and not codes:
        raise AgeLensError(
            f"The column {name} of {manifest} holds no gender, but for example {shorten(next(iter(counts)))}; write "
            "male and female, or 0 and 1."
        )
    if words and codes[0] + codes[1]:
        example = shorten(min(words))
        return [
            f"the column {name} mixes codes and words such as {example}; 0 is read as male and 1 as female"
        ]
    return []


def shorten(text: str) -> str:
    """A value as it is told: quoted, and not longer than a person reads."""
    return repr(text if len(text) <= _TOLD else f"{text[:_TOLD]}...")
