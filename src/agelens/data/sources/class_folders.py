"""Folders of classes: ``gender/age/…``, ``age/gender/…``, or one of the two, with or without ``train/…`` above.

A folder's name is a gender (``male``, ``w``...), an age or a group of ages (``25``, ``20-29``, ``more than 70``), or a
split (``train``, ``val``, ``test``).
"""

import re
from pathlib import PurePosixPath

from agelens.data.sources.ages import AgeLabel, parse_age
from agelens.data.sources.csv_values import GENDER_WORDS, SPLIT_WORDS
from agelens.data.sources.name_format import NameFormat, labels_row

# As "age_25" and "25 years", which people write before and after a number.
_WORDS = re.compile(r"^(?:ages?|years?)[ _-]*|[ _-]*(?:years?|years? old|yrs?|y)$", re.I)


def _parse(path: PurePosixPath) -> dict[str, object] | str:
    gender: int | None = None
    age: AgeLabel | None = None
    split = ""
    for folder in path.parts[:-1]:
        word = folder.casefold()
        if word in GENDER_WORDS and gender is None:
            gender = GENDER_WORDS[word]
        elif word in SPLIT_WORDS and not split:
            split = SPLIT_WORDS[word]
        elif age is None and isinstance(label := parse_age("age", _WORDS.sub("", folder)), AgeLabel):
            age = label
    if age is None and gender is None:
        return "no folder above it is named by a gender, an age or a group of ages"
    return labels_row(
        None if age is None else (age.low, age.high), gender, **({"split": split} if split else {})
    )


CLASS_FOLDERS = NameFormat("class-folders", "folders of classes", _parse)
