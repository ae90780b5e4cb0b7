"""The server's interface: shapes, limits, errors, and that requests of many clients are not mixed up."""

import io
import json
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from python_multipart.multipart import File

from agelens._version import __version__
from agelens.errors import AgeLensError
from agelens.serving import uploads
from agelens.serving.app import PAGE
from agelens.serving.limits import Limits
from agelens.serving.uploads import form_description
from tests.serving.serving import (
    CARD,
    EMPTY,
    ColourPredictor,
    detail,
    face,
    picture,
    predict,
    raw,
    running,
)  # fmt: skip

SMALL = Limits(body_bytes=200_000, pixels=10_000, images=3, receive_seconds=0.5)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with running(ColourPredictor(), SMALL) as client:
        yield client


@pytest.fixture
def no_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No other program is started, as Pillow starts Ghostscript for EPS."""
    started: list[object] = []
    real = subprocess.Popen.__init__

    def note(self: object, *values: object, **more: object) -> None:
        started.append(values)
        real(self, *values, **more)  # type: ignore[arg-type,call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    yield
    assert started == []


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its bytes hold."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_an_image_comes_back_with_its_name_its_size_and_its_face(client: httpx.Client) -> None:
    answer = predict(client, ("Grüße aus Köln.png", picture((7, 5, 31), (20, 10))))
    assert answer.status_code == 200
    expected = {"file": "Grüße aus Köln.png", "width": 20, "height": 10, "faces": [face(7, 5, 31).to_dict()]}
    assert answer.json() == {"photos": [expected]}


def test_several_images_come_back_in_order_and_one_without_a_face_is_no_error(client: httpx.Client) -> None:
    colours = [(1, 2, 3), EMPTY, (4, 5, 6)]
    photos = predict(client, *[("same.png", picture(one)) for one in colours]).json()["photos"]
    assert [[one["age_years"] for one in photo["faces"]] for photo in photos] == [[3.0], [], [6.0]]


def test_exif_orientation_is_obeyed(client: httpx.Client) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10), (9, 9, 9)).save(file, "JPEG", exif=exif)
    photo = predict(client, ("turned.jpg", file.getvalue())).json()["photos"][0]
    assert (photo["width"], photo["height"]) == (10, 30)


BAD = {
    "empty": b"",
    "text": b"Dear Madam or Sir",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "half a PNG": picture((1, 2, 3), (90, 90))[:-40],
    "half a JPEG": picture((1, 2, 3), (90, 90), "JPEG")[:300],
    "bomb": bomb(30_000, 30_000),
    "broken header": bomb(20, 20),
    "program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n0 0 9 9 rectfill\nshowpage\n%%EOF\n",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.usefixtures("no_program")
def test_what_is_no_image_is_told_by_name(client: httpx.Client, kind: str) -> None:
    answer = predict(client, ("good.png", picture((1, 2, 3))), ("letter.xyz", BAD[kind]))
    good, bad = answer.json()["photos"]
    assert (answer.status_code, good["file"], len(good["faces"])) == (200, "good.png", 1)
    assert (bad["file"], bad["faces"]) == ("letter.xyz", [])
    assert bad["error"]
    # Where none can be read there is no answer to give.
    alone = predict(client, ("letter.xyz", BAD[kind]))
    assert alone.status_code == 422
    assert detail(alone) == f"letter.xyz {bad['error']}."


def test_the_pixels_of_an_image_are_limited(client: httpx.Client) -> None:
    assert predict(client, ("a.png", picture((1, 2, 3), (100, 100)))).status_code == 200
    answer = predict(client, ("a.png", picture((1, 2, 3), (100, 101))))
    assert answer.status_code == 422
    assert "10,000" in detail(answer)


def test_the_images_of_a_request_are_limited(client: httpx.Client) -> None:
    answer = predict(client, *[("a.png", picture((1, 2, 3)))] * 4)
    assert (answer.status_code, "3 images" in detail(answer)) == (422, True)


def test_a_body_that_says_that_it_is_too_large_is_refused_before_it_comes(client: httpx.Client) -> None:
    head = (
        "POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    )
    answer = raw(client, f"{head}Content-Length: 200001\r\n\r\n".encode(), seconds=1)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused_where_it_becomes_too_large(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"--x\r\nContent-Disposition: form-data; name=images; filename=a\r\n\r\n"
        for _ in range(100):
            yield b"a" * 60_000

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/predict", content=chunks(), headers=kind)
    assert answer.status_code == 413
    assert "0.19" in detail(answer)


def test_who_sends_all_before_reading_gets_the_sentence_too(client: httpx.Client) -> None:
    head = (
        "POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    )
    answer = raw(client, f"{head}Content-Length: 20000000\r\n\r\n".encode() + b"a" * 20_000_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"A request takes at most" in answer


def test_a_body_that_does_not_come_ends_in_408(client: httpx.Client) -> None:
    head = (
        "POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    )
    answer = raw(client, f"{head}Content-Length: 1000\r\n\r\n--x".encode(), seconds=5)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_longer_than_its_length_does_no_harm(client: httpx.Client) -> None:
    head = (
        "POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    )
    answer = raw(client, f"{head}Content-Length: 3\r\n\r\n".encode() + b"--x" + b"\0" * 5000)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert client.get("/api/health").json()["queue"]["requests"] == 0


PART = b'--x\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\nhello\r\n'
FORMS = {
    "another field": (PART % (b"image", b'; filename="a"') + b"--x--\r\n", 'the field "images"'),
    "text": (PART % (b"images", b"") + b"--x--\r\n", "text"),
    "nothing": (b"--x--\r\n", "no image"),
    "cut off": (PART % (b"images", b'; filename="a"'), "cut off"),
    "no form at all": (b"hello", "cannot be read"),
    "a nameless part": (b"--x\r\n\r\nhello\r\n--x--\r\n", "cannot be read"),
    "endless headers": (b"--x\r\n" + b"A: b\r\n" * 20_000, "cannot be read"),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_that_is_none_is_refused(client: httpx.Client, kind: str) -> None:
    body, words = FORMS[kind]
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/predict", content=body, headers=headers)
    assert answer.status_code == 422
    assert words in detail(answer)


def test_a_parameter_that_would_be_ignored_is_refused(client: httpx.Client) -> None:
    files = [("images", ("a.png", picture((7, 5, 31), (20, 10)), "image/png"))]
    answer = client.post("/api/predict?crop=true", files=files)
    assert answer.status_code == 422
    assert detail(answer) == 'There is no parameter "crop"; there is "crops".'
    assert client.post("/api/predict?crops=false", files=files).status_code == 200


@pytest.mark.parametrize("kind", ["image/png", "application/json", "", "multipart/mixed; boundary=x"])
def test_only_forms_are_taken(client: httpx.Client, kind: str) -> None:
    answer = client.post("/api/predict", content=picture((1, 2, 3)), headers={"Content-Type": kind})
    assert (answer.status_code, "multipart/form-data" in detail(answer)) == (415, True)


def test_a_form_without_a_boundary_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    assert client.post("/api/predict", content=b"x", headers=headers).status_code == 422


@pytest.mark.parametrize("careful", [True, False])
def test_nothing_is_written_to_the_disk(careful: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    to_disk = File.flush_to_disk
    monkeypatch.setattr(File, "flush_to_disk", lambda self: (written.append(self), to_disk(self)))
    if not careful:
        # What the parser would do, so that this test is known to see it.
        monkeypatch.setitem(uploads.CONFIG, "MAX_MEMORY_FILE_SIZE", 1 << 20)
    with running(ColourPredictor()) as client:
        answer = predict(client, ("large.bmp", picture((1, 2, 3), (1500, 1500), "BMP")))
        assert answer.status_code == 200
    assert bool(written) is not careful


def test_health_says_what_runs_and_what_it_takes(client: httpx.Client) -> None:
    health = client.get("/api/health").json()
    assert (health["status"], health["version"]) == ("ok", __version__)
    assert health["networks"] == [{"task": "both", "identity": "abc"}]
    assert health["queue"] == {"requests": 0, "most_requests": 64, "images": 0}
    assert health["limits"] == {"body_bytes": 200_000, "pixels": 10_000, "images": 3}


def test_the_cards_are_shown(client: httpx.Client) -> None:
    assert client.get("/api/card").json() == {"cards": [CARD]}


def test_the_description_declares_every_refusal_and_the_form(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"]["/api/predict"]["post"]
    assert {"200", "403", "408", "413", "415", "422", "503"} <= set(operation["responses"])
    assert operation["requestBody"] == json.loads(json.dumps(form_description(SMALL)))
    fields = description["components"]["schemas"]["Face"]["properties"]
    assert set(face(1, 2, 3).to_dict()) == set(fields)
    assert all(one["description"] for one in fields.values())


@pytest.mark.parametrize("path", ["/", "/docs", "/page/app.js", "/page/style.css", "/page/icon.svg"])
def test_the_page_is_served_and_loads_nothing_from_elsewhere(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "://" not in answer.text.replace("http://www.w3.org/", "")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_file_of_the_page_is_served(client: httpx.Client) -> None:
    for path in PAGE.glob("*.js"):
        assert client.get(f"/page/{path.name}").headers["Content-Type"].startswith("text/javascript")
    assert "Everything stays on this machine; nothing is stored." in client.get("/").text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/nothing", 404), ("PUT", "/api/card", 405)]
)
def test_what_is_not_there_is_told_in_the_same_shape(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert path in detail(answer)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Host": "evil.example"}),
        ("/api/card", {"Host": "127.0.0.1.evil.example"}),
        ("/api/card", {"Host": "["}),
        ("/api/card", {"Origin": "https://evil.example"}),
        ("/api/card", {"Origin": "http://localhost:1"}),
        ("/api/card", {"Origin": "null"}),
        ("/api/card", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("/api/card", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}),
        ("/page/app.js", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
    ],
)
def test_other_websites_are_kept_out(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 403
    detail(answer)


def test_the_own_page_and_links_to_it_are_let_in(client: httpx.Client) -> None:
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.get("/api/card", headers=own).status_code == 200
    assert client.get("/api/card", headers={"Host": "LOCALHOST:8000"}).status_code == 200
    assert client.get("/api/card", headers={"Host": "[::1]:8000"}).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200


@pytest.mark.parametrize(
    "values",
    [{"images": 0}, {"receive_seconds": -1.0}, {"answer_seconds": float("nan")}, {"held_bytes": 1000}],
)
def test_a_limit_that_is_none_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(AgeLensError, match=next(iter(values))):
        Limits(**values)  # type: ignore[arg-type]


def test_the_page_lies_beside_the_server() -> None:
    assert Path(PAGE, "index.html").is_file()
