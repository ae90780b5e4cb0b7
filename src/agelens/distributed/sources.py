"""Which photographs a job is of: those of a folder, a pattern, a text file or a Parquet file of paths."""

from pathlib import Path

from agelens.distributed.table import PATHS
from agelens.errors import AgeLensError
from agelens.inference.addresses import address_of, name_of
from agelens.inference.image_files import LeftOut, find_images
from agelens.utils.progress import say

_TEXT = (".txt", ".lst", ".list")


def list_photographs(source: str, left_out: LeftOut | None = None) -> list[str]:
    """Return the paths and addresses that a source means, each once, in order.

    Args:
        source: a folder, a pattern such as ``photos/**/*.jpg``, either of them also as an address such as
            ``s3://bucket/photos``, a text file with a path or an address on each line, or a Parquet file with a column
            ``path`` or ``file``. Relative paths count from the working folder.
        left_out: takes what of it gives no photograph, which is told, too.

    Returns:
        addresses as they are, and absolute paths, which are the same for every worker.

    Raises:
        AgeLensError: there is no photograph, or the list cannot be read.
    """
    ending = Path(source).suffix.lower()
    if ending == ".parquet":
        found = _from_parquet(source)
    elif ending in _TEXT:
        found = _from_text(Path(source))
    else:
        left_out = LeftOut() if left_out is None else left_out
        found = [name_of(path) for path in find_images([Path(source)], left_out=left_out)]
        left_out.tell_skipped(say)
        left_out.tell_errors(say)
    if not found:
        raise AgeLensError(f"{source} names no photograph.")
    return list(dict.fromkeys(map(_for_every_worker, found)))


def _for_every_worker(name: str) -> str:
    return name if address_of(name) else str(Path(name).absolute())


def _from_text(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise AgeLensError(f"The list {file} cannot be read: {reason}.") from None
    return [line for line in lines if line.strip()]


def _from_parquet(source: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(source)
        column = next((name for name in PATHS if name in schema.names), None)
        if column is None:
            raise AgeLensError(f"{source} has no column path or file; give one that has.")
        names = pq.read_table(source, columns=[column]).column(0).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise AgeLensError(f"The list {source} cannot be read: {error}.") from None
    return [name for name in names if name]
