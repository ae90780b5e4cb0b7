"""A Parquet file as the lines of a manifest."""

from pathlib import Path

from agelens.data.sources.csv_text import Sheet
from agelens.errors import AgeLensError
from agelens.utils.reasons import first_line

SUFFIXES = frozenset({".parquet", ".pq"})


def read_parquet(file: Path) -> Sheet:
    """Return the rows of a Parquet file as text; missing values are empty.

    Rows are numbered as the lines of a CSV file would be, the first one 2.

    Raises:
        AgeLensError: it is no Parquet file, or cannot be read.
    """
    # With the extra `study` only; whoever reads CSV files does without.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise AgeLensError(f"{file} is not a Parquet file: {first_line(error)}.") from None
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    lines = [(number, list(fields)) for number, fields in enumerate(zip(*columns, strict=True), start=2)]
    return Sheet([name.strip() for name in table.column_names], lines)


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if isinstance(value, bytes | dict):
        # Images inside the file, as some collections have them: only paths are read.
        return ""
    return str(value).strip()
