"""The examples of README and docs: fenced blocks, and why some of them are not run."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(
    sorted(
        str(path.relative_to(ROOT))
        for path in (
            ROOT / "README.md",
            ROOT / "README.zh-CN.md",
            ROOT / "CONTRIBUTING.md",
            ROOT / "benchmarks" / "README.md",
            *(ROOT / "docs").rglob("*.md"),
        )
    )
)
# A block that is not run stands behind the line <!-- not run: REASON -->. The options of its commands are checked.
REASONS = {
    "benchmark": "a measurement of minutes to hours on data that does not come with AgeLens",
    "camera": "needs a camera",
    "download": "fetches data or packages",
    "elsewhere": "needs a cluster, a bucket, a container, another engine or photographs of one's own",
    "hours": "trains on all of UTKFace",
    "install": "changes the installation; the extras that it names are checked",
    "minutes": "takes minutes; CI runs 'make test', other tests do the same with fewer faces and pictures",
    "one network": "needs a trained study of one network; tests/integration/test_finetune.py exports one",
    "other program": "runs in FiftyOne, which AgeLens does not depend on",
    "server": "runs until it is stopped; tests/serving starts the server and asks it",
    "weights": "needs pretrained weights, which do not come with AgeLens",
}
# Pages none of whose blocks is run.
PAGE_REASONS = {"benchmarks/README.md": "benchmark", "CONTRIBUTING.md": "minutes"}
_OPENING = re.compile(r"(?P<indent>\s*)```(?P<language>[\w-]*)\s*")
_REASON = re.compile(r"\s*<!-- not run: (?P<reason>.+) -->\s*")


@dataclass(frozen=True)
class Example:
    """A fenced block.

    Attributes:
        page: its file, from the repository's root. line: where its first line stands in it.
        language: bash, console (commands behind ``$ ``, and what they print), python, csv, or what else it says.
        text: its lines, without indentation that all of them share. reason: why it is not run, or "".
    """

    page: str
    line: int
    language: str
    text: str
    reason: str

    @property
    def commands(self) -> list[list[str]]:
        """The command lines of a bash or console block as words, without comments."""
        if self.language not in ("bash", "console"):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        words = [shlex.split(line, comments=True) for line in lines]
        return [line for line in words if line]

    @property
    def output(self) -> str:
        """What a console block shows below its command."""
        return "\n".join(line for line in self.text.splitlines() if not line.startswith("$ "))


def read_examples(page: str) -> list[Example]:
    """Return the fenced blocks of a page in order."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    return list(_read(page, lines))


def _read(page: str, lines: list[str]) -> Iterator[Example]:
    number, before = 0, ""
    while number < len(lines):
        opening = _OPENING.fullmatch(lines[number])
        if opening is None:
            before = lines[number] or before
            number += 1
            continue
        closing = lines.index(f"{opening['indent']}```", number + 1)
        marked = _REASON.fullmatch(before)
        reason = marked["reason"] if marked else PAGE_REASONS.get(page, "")
        text = textwrap.dedent("\n".join(lines[number + 1 : closing]))
        yield Example(page, number + 2, opening["language"], text, reason)
        number, before = closing + 1, ""
