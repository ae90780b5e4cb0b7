import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.utils.files import (
    aside,
    digest_file,
    digest_json,
    json_text,
    read_json,
    replacing_file,
    replacing_folder,
    write_json,
    write_text,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_digest_of_a_file_is_sha256(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    assert digest_file(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_of_json_ignores_the_order_of_keys_and_sees_values() -> None:
    assert digest_json({"a": 1, "b": [1, 2]}) == digest_json({"b": [1, 2], "a": 1})
    assert digest_json({"a": 1}) != digest_json({"a": 2})
    assert digest_json([1, 2]) != digest_json([2, 1])


def test_a_written_file_can_be_read_by_others_and_makes_its_folder(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "down" / "a.txt"
    write_text(target, "Grüße\n")
    assert target.read_text(encoding="utf-8") == "Grüße\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_a_link_stays_and_what_it_names_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to("deep/real.txt")
    for text in ("one", "two"):
        write_text(link, text)
        assert link.is_symlink()
        assert (tmp_path / "deep" / "real.txt").read_text() == text
    assert names_in(tmp_path / "deep") == ["real.txt"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for target in (pipe, Path(os.devnull)):
        with pytest.raises(AgeLensError, match="is no file that could be written anew"):
            write_text(target, "text")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    for name in ("n" * 251 + ".txt", "ü" * 125 + ".txt"):
        write_text(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"


def test_new_files_have_the_rights_that_the_user_gives(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from agelens.utils.files import write_text; write_text(Path('a.txt'), '')"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, umask=0o077, check=True)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600


def test_the_umask_is_never_set(tmp_path: Path) -> None:
    """It is the whole process's: for a moment files of other threads would get the wrong rights."""
    program = """
import os
def refuse(mask): raise SystemExit("the umask is set")
os.umask = refuse
from pathlib import Path
from agelens.utils.files import replacing_folder, write_text
write_text(Path("a.txt"), "")
with replacing_folder(Path("b")) as folder:
    write_text(folder / "c.txt", "")
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, umask=0o027, check=True)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "b", "b/c.txt")]
    assert modes == [0o640, 0o750, 0o640]


def test_json_escapes_what_an_encoding_lacks() -> None:
    value = {"file": "Gr\u00fc\u00dfe \u8138 \U0001f600.jpg"}
    assert json_text(value) == '{"file": "Gr\u00fc\u00dfe \u8138 \U0001f600.jpg"}'
    for text in (json_text(value, "latin-1"), json_text({"file": "caf\udce9"})):
        assert text.isascii()
        assert json.loads(text) in (value, {"file": "caf\udce9"})


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail() -> None:
        with replacing_file(target) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_the_temporary_file_keeps_the_suffix_and_lies_beside_the_target(tmp_path: Path) -> None:
    with replacing_file(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")


def test_json_refuses_what_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"mae": math.nan})
    assert names_in(tmp_path) == []


def test_json_round_trip_keeps_letters_readable(tmp_path: Path) -> None:
    value = {"name": "Zoë", "ages": [1, 2.5, None], "ok": True}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "Zoë" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_bytes()) == value


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe{}"], ids=["empty", "half", "not UTF-8"])
def test_broken_json_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.json"
    file.write_bytes(content)
    with pytest.raises(AgeLensError, match=r"broken\.json is not valid JSON"):
        read_json(file)


def test_missing_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=r"gone\.json does not exist"):
        read_json(tmp_path / "gone.json")


def test_a_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for content in ("first", "second"):
        with replacing_folder(target) as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / content).write_text(content)
        assert names_in(target / "sub") == [content]
    assert names_in(tmp_path) == ["bundle"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_a_failed_folder_leaves_the_old_one_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with replacing_folder(target) as temporary:
        (temporary / "a").write_text("old")

    def fail() -> None:
        with replacing_folder(target) as temporary:
            (temporary / "a").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (target / "a").read_text() == "old"
    assert names_in(tmp_path) == ["bundle"]


@pytest.mark.parametrize("place", [".", "", "../folder/."])
def test_the_working_folder_can_be_replaced_and_has_a_place_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    assert aside(Path(place)).resolve() == tmp_path / ".partial.folder.old"
    assert aside(Path("/")).parent == Path("/")
    with replacing_folder(Path(place)) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
