"""Opening a study from Python: what it is made from, and its folder, which is taken for one step and left again."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.data.corrections import CorrectionFiles
from agelens.data.sources.options import ReadingOptions, check_options
from agelens.data.split_ratios import SplitRatios, check_split_ratios
from agelens.data.table import Faces, check_table
from agelens.errors import AgeLensError
from agelens.study.folder import StudyFolder
from agelens.study.given_table import SOURCE, take_table
from agelens.study.origin import Source as Origin
from agelens.study.origin import as_list
from agelens.utils.arguments import MOST_SEED, as_path, whole_number
from agelens.utils.extras import naming_extras
from agelens.utils.notebook import reporter

Source = Path | str | Sequence[Path | str] | Faces | pd.DataFrame


class StudyOpening:
    """What a study is made from; `agelens.Study`, which does its steps, tells the arguments."""

    def __init__(
        self,
        source: Source | None = None,
        out: Path | str = "agelens-run",
        *,
        seed: int | None = None,
        limit: int | None = None,
        split_ratios: SplitRatios | None = None,
        crops_as_they_are: bool = False,
        cache: Path | str | None = None,
        exclude: Path | str | None = None,
        relabel: Path | str | None = None,
        reading: ReadingOptions | None = None,
        progress: bool = True,
    ) -> None:
        self.source = _checked(source)
        self.reading = None if reading is None else check_options(reading)
        self.out = as_path("out", out)
        self.seed = None if seed is None else whole_number("seed", seed, 0, MOST_SEED)
        self.limit = None if limit is None else whole_number("limit", limit, 1)
        self.split_ratios = None if split_ratios is None else check_split_ratios(split_ratios)
        self.crops_as_they_are = crops_as_they_are
        self.cache = None if cache is None else as_path("cache", cache)
        self.exclude = None if exclude is None else as_path("exclude", exclude)
        self.relabel = None if relabel is None else as_path("relabel", relabel)
        self.progress = progress
        self._begun = False
        self._looked_for: set[Any] = set()
        if self._is_split() and (limit, split_ratios) != (None, None):
            raise AgeLensError("The face table is split already; leave out limit and split_ratios.")

    def __repr__(self) -> str:
        if isinstance(self.source, Faces | pd.DataFrame):
            source = "a face table"
        else:
            source = " and ".join(map(str, as_list(self.source)))
        return f"Study(source={str(source)!r}, out={str(self.out)!r})"

    def _is_split(self) -> bool:
        return isinstance(self.source, pd.DataFrame) and "split" in self.source.columns

    def _origin(self) -> Origin | Faces:
        return Faces(self.source, source=SOURCE) if isinstance(self.source, pd.DataFrame) else self.source

    def _begin(self, folder: StudyFolder) -> None:
        if self._is_split():
            assert isinstance(self.source, pd.DataFrame)
            take_table(folder, self.source, self.seed)
            return
        # The files are looked at by the first step of a study alone.
        origin = None if self._begun else self._origin()
        folder.begin(origin, self.seed, self.limit, self.split_ratios, None if self._begun else self.reading)
        self._begun = True

    @contextlib.contextmanager
    def _at_work(
        self,
        force: bool = False,
        look: Callable[[StudyFolder], None] | None = None,
        begin: bool = True,
        aligning: bool = False,
    ) -> Iterator[StudyFolder]:
        """Take the folder for one step, and leave it to others after that.

        Args:
            look: makes sure that what the step needs is there, before anything is computed.
            begin: audit first, if that is not done.
            aligning: photographs among the sources are aligned first, for networks learn from aligned faces.
        """
        with naming_extras():
            folder = StudyFolder(self.out, *reporter(self.progress), force)
            folder.corrections = CorrectionFiles(self.exclude, self.relabel)
            folder.aligning = aligning
            folder.crops_as_they_are, folder.found = self.crops_as_they_are, self._looked_for
            try:
                if look is not None:
                    look(folder)
                if begin:
                    # Who asks for a step again does not ask for another audit.
                    folder.force = False
                    self._begin(folder)
                    folder.force = force
                yield folder
            finally:
                folder.release()


def _checked(source: Source | None) -> Path | Sequence[Path] | Faces | pd.DataFrame | None:
    """The source of a study, its paths as such.

    Raises:
        AgeLensError: it is none of what a study is made from.
    """
    if source is None:
        return None
    if isinstance(source, Faces | pd.DataFrame):
        check_table(source if isinstance(source, pd.DataFrame) else source.table)
        return source
    if isinstance(source, list | tuple):
        if not source:
            raise AgeLensError("source is an empty list; name a folder or manifest, or leave it out.")
        return [as_path("source", one) for one in source]
    return as_path("source", source)
