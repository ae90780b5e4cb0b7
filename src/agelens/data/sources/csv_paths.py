"""Where the files are that a manifest names: beside it, in the working folder, under another spelling."""

import os
import unicodedata
from pathlib import Path
from urllib.request import url2pathname

from agelens.data.rows import is_line
from agelens.utils.folders import what_is


class Places:
    """Finds files by what a manifest calls them.

    A path is taken as it stands, then with slashes for backslashes; letters with accents in either of Unicode's normal
    forms, of which macOS writes one and other systems the other. Relative ones are looked for in the manifest's folder
    first, then in the working folder.

    Args:
        folder: the manifest's.

    Attributes:
        from_working_folder: how many files were found in the working folder and not in the manifest's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.working_folder = Path.cwd()
        self.from_working_folder = 0
        self._names: dict[Path, dict[str, str]] = {}

    @property
    def roots(self) -> list[Path]:
        """Where relative paths are looked for, each folder once."""
        apart = os.path.realpath(self.folder) != os.path.realpath(self.working_folder)
        return [self.folder, self.working_folder] if apart else [self.folder]

    def find(self, text: str) -> Path | str:
        """The file that a text names, or why there is none."""
        if not text:
            return "the path is empty"
        if not is_line(text):
            return "the path has letters that are no text"
        if text.lower().startswith("file:"):
            text = text[5:].removeprefix("//").removeprefix("localhost")
            # With escapes such as %20, or without.
            spellings = [url2pathname(text), text]
        elif "://" in text:
            return "the path is an address, and addresses are not fetched"
        else:
            spellings = [text, text.replace("\\", "/")] if "\\" in text else [text]
        problem = ""
        for root in self.roots:
            for spelling in spellings:
                file = root / spelling
                try:
                    found = file if _exists(file) else self._respelled(file)
                except PermissionError as error:
                    problem = problem or f"the file cannot be reached: {error.strerror}"
                    continue
                if found is None:
                    continue
                kind = what_is(found)
                if kind == "file":
                    self.from_working_folder += root != self.folder and not Path(spelling).is_absolute()
                    return found
                problem = problem or f"is a {kind} and no file"
        return problem or f"the file does not exist{self._where(text)}"

    def _where(self, text: str) -> str:
        """Where a file was looked for. Not by its path: a study must not depend on where it is gone on with."""
        if Path(text).is_absolute():
            return ""
        if len(self.roots) == 1:
            return " in the manifest's folder"
        return ", neither in the manifest's folder nor in the working folder"

    def _respelled(self, file: Path) -> Path | None:
        """The same path with accents as they are on disk; None where there is none either."""
        if str(file).isascii():
            return None
        here = Path(file.anchor)
        for part in file.parts[1:]:
            there = here / part
            if not _exists(there):
                name = self._names_in(here).get(unicodedata.normalize("NFC", part))
                if name is None:
                    return None
                there = here / name
            here = there
        return here

    def _names_in(self, folder: Path) -> dict[str, str]:
        """The names in a folder by their composed form."""
        if folder not in self._names:
            try:
                names = os.listdir(folder)  # noqa: PTH208
            except OSError:
                names = []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._names[folder]


def _exists(path: Path) -> bool:
    """Whether anything stands there. Raises PermissionError where a folder may not be entered."""
    try:
        path.lstat()
    except PermissionError:
        raise
    except OSError:
        # Also a name too long for any file.
        return False
    return True
