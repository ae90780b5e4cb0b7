import codecs
from pathlib import Path

import pytest

from agelens.data.sources.csv_text import Sheet, read_sheet
from agelens.errors import AgeLensError

ROWS = [["path", "age", "gender"], ["img/a.jpg", "48", "0"], ["img/b.jpg", "65", "1"]]


def sheet(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Sheet:
    file = folder / "faces.csv"
    file.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return read_sheet(file)


def text(separator: str = ",", end: str = "\n", tail: str = "") -> str:
    return "".join(separator.join(row) + tail + end for row in ROWS)


def assert_read(found: Sheet, first: int = 2) -> None:
    assert found.header[:3] == ROWS[0]
    assert [fields[:3] for _, fields in found.lines] == ROWS[1:]
    assert [number for number, _ in found.lines] == [first, first + 1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_separator_and_end_of_line(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    found = sheet(tmp_path, text(separator, end), encoding)
    assert_read(found)
    assert found.notes == []


def test_big_endian_text_with_its_mark(tmp_path: Path) -> None:
    assert_read(sheet(tmp_path, codecs.BOM_UTF16_BE + text("\t").encode("utf-16-be")))


@pytest.mark.parametrize(
    ("byte", "name"), [(b"\xe9", "Windows-1252"), (b"\x93", "Windows-1252"), (b"\x81", "Latin-1")]
)
def test_what_is_not_unicode_is_guessed_and_told(tmp_path: Path, byte: bytes, name: str) -> None:
    found = sheet(tmp_path, text(tail=",x").encode().replace(b"x", byte))
    assert_read(found)
    assert found.lines[0][1][3] == byte.decode("latin-1" if name == "Latin-1" else "cp1252")
    (note,) = found.notes
    assert note.startswith(f"faces.csv is not in UTF-8 and is read as {name}")


def test_a_header_of_a_million_columns_is_read(tmp_path: Path) -> None:
    found = sheet(tmp_path, "path,age,gender" + ",x" * 1_000_000 + "\nimg/a.jpg,48,0\n")
    assert len(found.header) == 1_000_003


def test_the_first_line_of_excel_names_the_separator(tmp_path: Path) -> None:
    assert_read(sheet(tmp_path, "sep=;\r\n" + text(";", "\r\n")), first=3)
    assert_read(sheet(tmp_path, "sep=\t\n" + text("\t")), first=3)


def test_separators_at_the_ends_blank_lines_and_quotes(tmp_path: Path) -> None:
    found = sheet(tmp_path, "\n" + text(";", ";;\n\n;;;\n \n"))
    assert [number for number, _ in found.lines] == [6, 10]
    found = sheet(
        tmp_path, 'path,age,gender\n"a, b.jpg", "3" ,1\n"c ""d"".jpg",4,0\n5" e.jpg,4,0\n"f\ng",4,0\nh,1,1\n'
    )
    assert [fields[0] for _, fields in found.lines] == ["a, b.jpg", 'c "d".jpg', '5" e.jpg', "f\ng", "h"]
    # A field of two lines counts as an editor counts.
    assert [number for number, _ in found.lines] == [2, 3, 4, 5, 7]
    assert found.lines[0][1] == ["a, b.jpg", "3", "1"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a CSV file: it is empty"),
        (b"\n\n  \n", "is not a CSV file: it is empty"),
        (codecs.BOM_UTF8, "is not a CSV file: it is empty"),
        (b"PK\x03\x04\x14\x00", "a spreadsheet or an archive; save it as CSV"),
        (bytes(range(256)), "is not a CSV file: "),
        (codecs.BOM_UTF16_LE + b"a", "is not a CSV file: "),
        (
            b'path,age,gender\na,1,1\n"b,2,0\nc,3,1\n',
            "a quote is not closed, in the row that begins in line 3",
        ),
        (
            b"path,age,gender\n" + b"x" * 200_000 + b",1,1\n",
            "field larger than field limit .*begins in line 2",
        ),
    ],
    ids=[
        "nothing",
        "blank lines",
        "a mark alone",
        "a spreadsheet",
        "bytes",
        "half a letter",
        "a quote",
        "a long field",
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        sheet(tmp_path, content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=r"gone\.csv cannot be read: No such file"):
        read_sheet(tmp_path / "gone.csv")
