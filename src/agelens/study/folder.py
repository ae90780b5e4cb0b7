"""A run: a folder that a study fills step by step, and that a killed study goes on from.

config.json       where the faces came from, the seed, the versions, and the settings and time of each step
table.csv         the face table with its groups and parts
crops/            faces that were cut out of photographs and aligned
audit.json        what is wrong with the dataset; audit.html shows the conflicts
exploration.json  the findings; charts/ holds the figures as PNG, SVG and PDF files
comparison.json   backbones compared
age/, gender/     bundles; training/ holds the states they were trained through
age.keras, ...    the same networks as Keras models, where they are some
evaluation.json   how well they do on the test split; predictions.csv holds every estimate, tables/ the figures by group
label_issues.*, stress.*, model_comparison.*   checks that were written into it, each with a page of its own
report.html       all of it, in one file
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from agelens.data.corrections import CorrectionFiles
from agelens.data.rows import refuse_no_text
from agelens.data.sources.options import ReadingOptions
from agelens.data.sources.reading import read_sources
from agelens.data.split_ratios import DEFAULT_SPLIT_RATIOS, SplitRatios, check_split_ratios
from agelens.data.table import Faces, digest_table, lost_files, read_table, sample
from agelens.errors import AgeLensError
from agelens.reporting.study_files import altered_files
from agelens.study.aligning import sources_to_align
from agelens.study.audit_step import audit_into, corrected
from agelens.study.making import differences, making
from agelens.study.origin import (
    Source,
    are_synthetic,
    as_list,
    describe_differences,
    digest_files_of,
    told_source,
)
from agelens.study.seals import read_config, refuse_altered_table, seal_outputs, sealed_config
from agelens.utils.environment import command_line, machine, versions
from agelens.utils.files import digest_json, make_folder, remove_partials, write_json
from agelens.utils.progress import Track, quiet

DEFAULT_SEED = 42
REPORT = "report.html"


def is_study(folder: Path) -> bool:
    """Whether a folder is that of a study whose faces were read, and not one of images."""
    return (folder / "config.json").is_file() and (folder / "table.csv").is_file()


class StudyFolder:
    """The folder of a study.

    Args:
        folder: made if it does not exist.
        track: shows progress.
        say: takes one line for the person.
        force: do the steps that are asked for again, also those that are done.
    """

    def __init__(
        self,
        folder: Path,
        track: Track = quiet,
        say: Callable[[str], None] = lambda text: None,
        force: bool = False,
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise AgeLensError(f"{folder} is a file; give a folder with --out.")
        refuse_no_text(folder.absolute())
        self.folder = folder
        self.track = track
        self.say = say
        # Said by whoever opens the run: images that are no face crops are taken for some all the same.
        self.crops_as_they_are = False
        # Said by whoever opens the run, too: faces to leave out and labels to replace.
        self.corrections = CorrectionFiles()
        # Said by the commands that train: photographs are aligned before anything learns from them.
        self.aligning = False
        self.force = force
        # What its steps are made from, as far as it has been looked for and is there.
        self.found: set[Any] = set()
        self._begun_again: set[str] = set()
        self._lock: FileLock | None = None
        self.config = read_config(self.folder / "config.json")

    @property
    def table(self) -> pd.DataFrame:
        """The split face table that the audit left."""
        return read_table(self.folder / "table.csv")

    @property
    def split_ratios(self) -> SplitRatios:
        """Shares of train, validation and test in the split."""
        train, validation, test = self.config.get("split_ratios", DEFAULT_SPLIT_RATIOS)
        return float(train), float(validation), float(test)

    def step(
        self,
        name: str,
        settings: dict[str, Any],
        outputs: list[str],
        work: Callable[[], None],
        packages: Sequence[str] = ("keras", "openvino"),
        edited: Sequence[str] = (),
    ) -> None:
        """Do a step, unless it was done with the same settings and packages, and its files are still as it left them.

        Args:
            settings: what decides its result; a "precision" among them counts as what it means on this processor.
            outputs: its files, in the folder of the run.
            work: does it.
            packages: whose versions decide its result, beside AgeLens's own.
            edited: those of its files that people may change.
        """
        kept = self.config.get("steps", {}).get(name, {})
        key, made_by = digest_json(settings), making(settings, packages)
        same = kept.get("key") == key and kept.get("round", 0) == self.round(name)
        altered = altered_files(self.folder, {"steps": {name: kept}})
        there = all((self.folder / one).exists() for one in outputs)
        if same and kept.get("made_by") == made_by and there and not altered:
            self.say(f"{name}: done before")
            return
        if altered:
            self.say(f"{name}: computed again, for {' and '.join(altered)} was altered or damaged")
        elif told := differences(kept, made_by, kept.get("key") == key):
            self.say(f"{name}: computed again, for {told}")
        # A step that is broken off may leave some of its files new and some old: it counts as not done.
        self.forget(name)
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        self.config.setdefault("steps", {})[name] = {
            "settings": settings,
            "key": key,
            "made_by": made_by,
            "round": self.round(name),
            "seconds": round(seconds, 2),
            "command": command_line(),
            "versions": versions(),
            "outputs": seal_outputs(self.folder, [one for one in outputs if one not in edited]),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._write_config()
        self.say(f"{name}: done in {seconds:.1f} s")

    def round(self, name: str) -> int:
        """How often a step has been begun again with `force`; what one round computed is not taken in another."""
        rounds = self.config.get("rounds", {})
        if self.force and name not in self._begun_again:
            self._begun_again.add(name)
            self.config["rounds"] = {**rounds, name: rounds.get(name, 0) + 1}
            self._write_config()
        return int(self.config.get("rounds", {}).get(name, 0))

    def record_options(self, options: dict[str, Any]) -> None:
        """Keep the options of a whole study, so that `agelens run --config` can repeat it."""
        if self.config.get("options") != options:
            self.config["options"] = options
            self._write_config()

    def accept(self, name: str, outputs: Sequence[str]) -> None:
        """Take files of a step as they are now, for who altered them on purpose."""
        self.config["steps"][name].setdefault("outputs", {}).update(seal_outputs(self.folder, outputs))
        self._write_config()

    def forget(self, name: str) -> None:
        """Count a step as not done."""
        if self.config.get("steps", {}).pop(name, None):
            self._write_config()

    def begin(
        self,
        source: Source | Faces,
        seed: int | None = None,
        limit: int | None = None,
        split_ratios: SplitRatios | None = None,
        reading: ReadingOptions | None = None,
    ) -> None:
        """Read and audit the source, and split it; a run that has done so is taken as it is.

        Args:
            source: folder or manifest, several, or what one gave; None goes on with a run that has been begun.
            seed: of the whole run; None is the run's own, or DEFAULT_SEED for a new one.
            limit: use only this many images, drawn by chance; None is the run's own, or all.
            split_ratios: shares of train, validation and test; None is the run's own, or DEFAULT_SPLIT_RATIOS.
            reading: how the source is to be read; None is the run's own way, or what is found there.

        Raises:
            AgeLensError: no source, the split ratios are not shares of a whole, or the run was begun with another
                source, seed, limit or other split ratios.
        """
        begun = "audit" in self.config.get("steps", {}) and (self.folder / "table.csv").exists()
        sources = [] if isinstance(source, Faces) else as_list(source)
        if not sources and not isinstance(source, Faces):
            if not begun:
                raise AgeLensError(
                    f"{self.folder} holds no study yet; name the folder of faces or the CSV manifest too."
                )
            if self.corrections:
                raise AgeLensError(
                    "--exclude and --relabel correct a source; name the folder of faces or the CSV manifest too."
                )
            self.refuse_others(
                {"seed": seed, "limit": limit, "split_ratios": split_ratios and list(split_ratios)}
            )
            self.take()
            refuse_altered_table(self.folder, self.config)
            if lost := lost_files(self.table):
                self.say(
                    f"{len(lost):,} of the images cannot be read any more, such as {lost[0]}; 'agelens audit "
                    f"{told_source(self.config['source'])} --out {self.folder}' leaves such files out."
                )
            return
        for one in sources:
            if is_study(one):
                raise AgeLensError(
                    f"{one} is the folder of a study and not of faces; go on with it by --out {one}."
                )
        places = [source.source] if isinstance(source, Faces) else [str(one.absolute()) for one in sources]
        where: str | list[str] = places[0] if len(places) == 1 else places
        given = reading.to_json() if reading else {}
        origin: dict[str, Any] = {
            "source": where,
            **({"reading": given or self.config.get("reading")} if given or "reading" in self.config else {}),
            "seed": self.config.get("seed", DEFAULT_SEED) if seed is None else seed,
            "limit": self.config.get("limit") if limit is None else limit,
            "split_ratios": list(split_ratios or self.split_ratios),
        }
        check_split_ratios(split_ratios or self.split_ratios)
        self.refuse_others(origin)
        # Nothing is written before the source is known to be one, and nothing is computed that could not be written.
        reading = ReadingOptions(**origin.get("reading") or {})
        faces = source if isinstance(source, Faces) else read_sources(sources, reading)
        self.take()
        self.refuse_others(origin)
        faces = corrected(self, faces)
        for sentence in faces.describe_formats():
            self.say(sentence)
        for note in faces.notes:
            self.say(note)
        self.config.update(
            {**origin, "synthetic": are_synthetic(faces.table), "versions": versions(), "machine": machine()}
        )
        outputs = ["table.csv", "audit.json", "audit.html"]
        settings = {**origin, "files": digest_files_of(faces)}
        faces = faces.with_table(sample(faces.table, self.config["limit"], self.config["seed"]))
        aligned = sources_to_align(self, faces.table, digest_files_of(faces))
        settings |= {"aligned": aligned} if aligned else {}
        self.step("audit", settings, outputs, lambda: audit_into(self, faces, aligned), packages=())
        # What was seen of the images is not looked for again, also where the audit was done before.
        self._write_config()

    def refuse_others(self, origin: dict[str, Any]) -> None:
        """Refuse what the run was not begun with, if it was begun; a None is not asked for."""
        if self.config and (differences := describe_differences(self.config, origin)):
            raise AgeLensError(
                f"{self.folder} was begun with {differences}; give another --out, or delete it."
            )

    def take(self) -> None:
        """Make sure that the folder can be written, and that nobody else writes into it until this process ends."""
        make_folder(self.folder)
        # A singleton, so that one process may open its run again.
        self._lock = FileLock(self.folder / ".lock", is_singleton=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise AgeLensError(
                f"Another agelens is at work in {self.folder}; wait for it, or give another --out."
            ) from None
        remove_partials(self.folder)
        # Whoever held the folder until now may have done steps meanwhile.
        self.config = read_config(self.folder / "config.json")

    def release(self) -> None:
        """Let others write into the folder again, who took it in this process for one piece of work."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def settings(self, **settings: Any) -> dict[str, Any]:
        """The settings of a step, with the digest of the table it starts from."""
        return {"table": digest_table(self.table), **settings}

    def _write_config(self) -> None:
        write_json(self.folder / "config.json", sealed_config(self.config))
