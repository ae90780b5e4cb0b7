"""Hostile requests: from the server's own description, and images that are cut and altered. Never a 5xx."""

import io
import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from agelens.serving.limits import Limits
from tests.serving.serving import ColourPredictor, picture, raw, running, upload

QUICK = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with running(ColourPredictor(), Limits(pixels=1_000_000, images=4, receive_seconds=2)) as client:
        yield client


def check(answer: httpx.Response) -> None:
    """Either an answer or one sentence."""
    assert answer.status_code in (200, 413, 415, 422), answer.text
    values = answer.json()
    assert "photos" in values if answer.status_code == 200 else isinstance(values["detail"], str)


def images() -> dict[str, bytes]:
    """One small photograph in every format that is taken."""
    made = {
        form: picture((200, 90, 30), (33, 21), form) for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
    }
    for form, mode in (("TIFF", "I;16"), ("PNG", "LA"), ("PNG", "P"), ("JPEG", "CMYK"), ("JPEG", "L")):
        file = io.BytesIO()
        Image.new(mode, (33, 21)).save(file, form)
        made[f"{form} {mode}"] = file.getvalue()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    file = io.BytesIO()
    Image.new("RGB", (33, 21)).save(file, "JPEG", exif=exif)
    made["JPEG with EXIF"] = file.getvalue()
    return made


IMAGES = images()


# What the description calls a file is an image of a format that is taken.
schemathesis.openapi.format("binary", st.sampled_from(sorted(IMAGES.values())))


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_the_server_keeps_to_its_own_description(
    client: httpx.Client, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json".replace("//openapi", "/openapi"))
    operations = [one.ok() for one in schema.get_all_operations()]
    assert {one.path for one in operations} == {"/api/predict", "/api/health", "/api/card"}
    if mode is schemathesis.GenerationMode.NEGATIVE:
        # The others take nothing that could be wrong.
        operations = [one for one in operations if one.method == "post"]
    for operation in operations:

        @given(case=operation.as_strategy(mode))
        @settings(QUICK, max_examples=40)
        def keep(case: schemathesis.Case) -> None:
            case.call_and_validate(timeout=20)

        keep()


@pytest.mark.parametrize("form", IMAGES)
def test_an_image_of_every_format_is_taken(client: httpx.Client, form: str) -> None:
    photo = client.post("/api/predict", files=upload((form, IMAGES[form]))).json()["photos"][0]
    assert sorted((photo["width"], photo["height"])) == [21, 33]


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """An image of some format, cut, altered or lengthened somewhere; mostly in its header."""
    data = bytearray(IMAGES[draw(st.sampled_from(sorted(IMAGES)))])
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, min(len(data) - 1, draw(st.sampled_from([40, 10_000])))))] = draw(
            st.integers(0, 255)
        )
    cut = draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    return bytes(data[:cut]) + draw(st.binary(max_size=20))


@given(data=st.one_of(broken(), st.binary(max_size=200)), name=st.text(max_size=30))
@settings(QUICK, max_examples=200)
def test_broken_images_are_answered_or_refused(client: httpx.Client, data: bytes, name: str) -> None:
    check(client.post("/api/predict", files=upload((name, data))))


@given(
    body=st.lists(
        st.sampled_from(
            [
                b"--x", b"--x--", b"\r\n", b"\n", b"\r", b"--", b":", b";", b'"', b"\0", b"name=images", b"filename=a",
                b"Content-Disposition: form-data; name=images; filename=a\r\n\r\n",
                b"Content-Type: a/b\r\n", b"filename*=utf-8''%FF", IMAGES["PNG"],
            ]
        ),
        max_size=12,
    ),
    boundary=st.sampled_from(["x", "", '"', "\xff", "x" * 300, "x; charset=nonsense"]),
)  # fmt: skip
@QUICK
def test_broken_forms_are_answered_or_refused(client: httpx.Client, body: list[bytes], boundary: str) -> None:
    headers = {b"Content-Type": b"multipart/form-data; boundary=" + boundary.encode("latin-1")}
    check(client.post("/api/predict", content=b"".join(body), headers=headers))


@given(
    method=st.sampled_from([b"POST", b"GET", b"\0", b"POST" * 50]),
    path=st.sampled_from([b"/api/predict", b"/api/%ff", b"//", b"*", b"/" + b"a" * 70_000, b"/page/../server.py"]),
    headers=st.lists(
        st.sampled_from(
            [
                b"Host: localhost", b"Content-Length: -1", b"Content-Length: 99", b"Transfer-Encoding: chunked",
                b"Content-Length: 1e3", b"X: " + b"y" * 70_000, b"Content-Type: multipart/form-data; boundary=x",
                b"Expect: 100-continue", b"Upgrade: websocket\r\nConnection: upgrade", b"Origin: \xff", b"nonsense",
            ]
        ),
        max_size=5,
    ),
    body=st.sampled_from([b"", b"--x--\r\n", b"ffffffffffffffff\r\n", b"5\r\n--x--\r\n0\r\n\r\n"]),
)  # fmt: skip
@settings(QUICK, max_examples=60)
def test_broken_http_does_no_harm(
    client: httpx.Client, method: bytes, path: bytes, headers: list[bytes], body: bytes
) -> None:
    request = b"\r\n".join([method + b" " + path + b" HTTP/1.1", *headers, b"Connection: close", b"", body])
    answer = raw(client, request, seconds=6)
    assert b" 5" not in answer[8:12], answer[:200]
    assert client.get("/api/health").json()["queue"]["requests"] == 0


def test_the_description_is_json_that_says_which_answers_there_are(client: httpx.Client) -> None:
    assert json.loads(client.get("/openapi.json").text)["openapi"].startswith("3.")
