"""What stands in the columns of a manifest, as labels: each value by itself, and a column as a whole."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agelens.data.labels import AGE_RANGE, GENDERS, group_name
from agelens.data.sources.ages import AgeLabel, is_decimal, parse_age, shorten, whole_number
from agelens.errors import AgeLensError

# What a person or a program writes for the two labels; capitals do not matter.
GENDER_WORDS = {
    **dict.fromkeys(("male", "m", "man", "men", "males", "boy", "男"), 0),
    **dict.fromkeys(("female", "f", "woman", "women", "females", "girl", "女"), 1),
}
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_MOST_WORDS = 6


def parse_gender(name: str, text: str) -> int | str:
    """0 (male) or 1 (female), or what is wrong with it."""
    if not text:
        return f"the {name} is empty"
    word = unicodedata.normalize("NFKC", text).casefold()
    code = GENDER_WORDS.get(word, whole_number(word))
    return code if code in (0, 1) else f"{name} {shorten(text)} is not 0, 1, male or female"


def parse_bounds(low: str, high: str) -> AgeLabel | str:
    """The group of ages that the columns ``age_min`` and ``age_max`` give, or what is wrong with it."""
    first, last = parse_age("age_min", low), parse_age("age_max", high)
    wrong = [one for one in (first, last) if isinstance(one, str)]
    if isinstance(first, str) or isinstance(last, str):
        return "; ".join(wrong)
    if first.low > last.high:
        return f"age_min {first.low} is more than age_max {last.high}"
    return AgeLabel(first.low, last.high)


def parse_split(name: str, text: str) -> str | None:
    """The split that a word names, "" for an empty one; None where it names none."""
    return SPLIT_WORDS.get(text.casefold()) if text else ""


def check_ages(manifest: Path, name: str, texts: Sequence[str]) -> list[str]:
    """Refuse a column that holds no age at all, such as one of years of birth; returns notes on how it was understood.

    Raises:
        AgeLensError: not one value is an age or a group of ages.
    """
    filled = [text for text in texts if text]
    labels = {text: parse_age(name, text) for text in dict.fromkeys(filled)}
    read = {text: label for text, label in labels.items() if isinstance(label, AgeLabel)}
    if filled and not read:
        raise AgeLensError(
            f"The column {name} of {manifest} holds no age, but for example {shorten(filled[0])}; give the age of each "
            f"face in years, {AGE_RANGE[0]} to {AGE_RANGE[1]}, or a group such as 20-29."
        )
    notes = []
    groups = {text: group_name(*label) for text, label in read.items() if label.is_group}
    if groups:
        told = [f"{text} as {group}" for text, group in groups.items() if text != group]
        notes.append(
            f"the column {name} holds groups of ages"
            + (f", {_some(told)}" if told else "")
            + "; where one age is "
            "asked for, the middle of the group stands for it"
        )
    cut = sum(is_decimal(text) for text in filled)
    if cut:
        ages = "1 age" if cut == 1 else f"{cut:,} ages"
        notes.append(f"{ages} of the column {name} {'is' if cut == 1 else 'are'} cut to completed years")
    return notes


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
    notes = _mapping(name, list(counts))
    if words and codes[0] + codes[1]:
        example = shorten(min(words))
        notes.append(
            f"the column {name} mixes codes and words such as {example}; 0 is read as male and 1 as female"
        )
    return notes


def _mapping(name: str, texts: list[str]) -> list[str]:
    """Which value is read as which gender, where they are not simply called so."""
    told = [
        f"{text} as {GENDERS[code]}"
        for text in sorted(texts)
        if isinstance(code := parse_gender(name, text), int) and text.casefold() != GENDERS[code]
    ]
    return [f"the column {name} is read as gender: {_some(told)}"] if told else []


def _some(told: list[str]) -> str:
    return ", ".join(told[:_MOST_WORDS]) + (", and so on" if len(told) > _MOST_WORDS else "")
