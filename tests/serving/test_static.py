"""The page in a headless browser: photographs in, boxes and cards out, for mouse, keyboard and screen reader."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import agelens
from agelens.inference.results import COLUMNS, Face, ImagePrediction, Predictions
from tests.browser import PHONE, launched
from tests.serving.serving import EMPTY, ColourPredictor, face, picture, predict, running

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright here, so the page is not tested")
# On a busy machine the first answer of a real network takes longer than Playwright's five seconds.
sync_api.expect.set_options(timeout=30_000)


class TwoFaces(ColourPredictor):
    """A second face, an uncertain one, in every image that has one."""

    def predict(self, images: Sequence[NDArray[np.uint8]], crops: bool = False) -> Predictions:
        return Predictions(self._with_another(photo) for photo in super().predict(images))

    def _with_another(self, photo: ImagePrediction) -> ImagePrediction:
        if not photo.faces:
            return photo
        other = replace(face(60, 60, 8), low_confidence=True, p_female=0.2)
        return replace(photo, faces=(*photo.faces, other))


class Crowd(ColourPredictor):
    """Three rows of ten faces in every image: the upper two rows far apart, the third row without a gap."""

    def predict(self, images: Sequence[NDArray[np.uint8]], crops: bool = False) -> Predictions:
        return Predictions(
            replace(photo, faces=tuple(self._face(number) for number in range(30)))
            for photo in super().predict(images)
        )

    @staticmethod
    def _face(number: int) -> Face:
        row, column = divmod(number, 10)
        left, top, size = (column * 100 + 20, row * 120 + 60, 60) if row < 2 else (column * 100, 260, 100)
        return replace(face(left, top, 30 + number), box=(left, top, left + size, top + size))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with running(TwoFaces()) as client:
        yield client


@pytest.fixture(scope="module")
def crowd() -> Iterator[httpx.Client]:
    with running(Crowd()) as client:
        yield client


@pytest.fixture
def page(browser: Any, client: httpx.Client) -> Iterator[Any]:
    """The page of the server with two faces; whatever it loads comes from there, and no script fails."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    foreign, failures = [], []
    home = str(client.base_url)
    opened.on(
        "request", lambda one: foreign.append(one.url) if not one.url.startswith((home, "blob:")) else None
    )
    opened.on("pageerror", lambda error: failures.append(error))
    opened.goto(home)
    yield opened
    context.close()
    assert (foreign, failures) == ([], [])


def put(page: Any, *files: tuple[str, bytes]) -> None:
    """Choose files, and wait until all of them are answered."""
    page.set_input_files(
        "#files", [{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files]
    )
    sync_api.expect(page.locator(".photo:not(#camera)")).to_have_count(len(files))
    sync_api.expect(page.locator(".photo.pending")).to_have_count(0)


def test_the_astronaut_is_one_woman_of_25_to_50(browser: Any) -> None:
    data = pytest.importorskip("skimage.data", reason="no scikit-image here, which holds the photograph")
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "PNG")
    with running(agelens.load()) as client:
        page = browser.new_page()
        page.set_default_timeout(30_000)
        page.goto(str(client.base_url))
        put(page, ("astronaut.png", file.getvalue()))
        assert page.locator(".box").count() == 1
        assert 25 <= int(page.locator(".card .age strong").inner_text()) <= 50
        assert page.locator(".gender b").inner_text().startswith("female ")
        # Her face is right of the middle of the left half, in the upper half.
        box, stage = page.locator(".box").bounding_box(), page.locator("article .stage").bounding_box()
        across = (box["x"] + box["width"] / 2 - stage["x"]) / stage["width"]
        down = (box["y"] + box["height"] / 2 - stage["y"]) / stage["height"]
        assert (across, down) == (pytest.approx(0.44, abs=0.05), pytest.approx(0.23, abs=0.05))
        page.close()


def test_several_photographs_are_shown_each_with_its_own(page: Any) -> None:
    put(
        page,
        ("one.png", picture((10, 20, 31), (100, 100))),
        ("none.png", picture(EMPTY)),
        ("no.heic", b"ftyp"),
    )
    articles = page.locator("article")
    assert [one.get_attribute("aria-label") for one in articles.all()] == ["one.png", "none.png", "no.heic"]
    assert articles.nth(0).locator(".box").count() == 2
    assert articles.nth(0).locator(".age strong").all_inner_texts() == ["31", "8"]
    assert articles.nth(0).locator(".gender b").all_inner_texts() == ["female 90 %", "male 80 %"]
    assert "No face was found" in articles.nth(1).inner_text()
    error = articles.nth(2).get_by_role("alert")
    assert error.inner_text() == "no.heic is not an image of a known format."
    assert page.locator(".curve .inside").count() == 2


def test_boxes_follow_the_picture_to_any_size(page: Any) -> None:
    put(page, ("one.png", picture((10, 20, 31), (100, 100))))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        box, stage = page.locator(".box").first.bounding_box(), page.locator("article .stage").bounding_box()
        assert (box["x"] - stage["x"]) / stage["width"] == pytest.approx(0.10, abs=0.01)
        assert (box["y"] - stage["y"]) / stage["height"] == pytest.approx(0.20, abs=0.01)
        assert box["width"] / stage["width"] == pytest.approx(0.09, abs=0.01)


def test_faces_of_low_confidence_are_marked_in_form_and_in_words(page: Any) -> None:
    put(page, ("one.png", picture((10, 20, 31), (100, 100))))
    styles = [
        box.evaluate("box => getComputedStyle(box).borderTopStyle") for box in page.locator(".box").all()
    ]
    assert styles == ["solid", "dashed"]
    cards = page.locator(".card").all_inner_texts()
    assert ["low confidence" in text for text in cards] == [False, True]


def test_the_keyboard_reaches_every_card_and_lights_its_box(page: Any) -> None:
    put(page, ("one.png", picture((10, 20, 31), (100, 100))))
    page.locator("#remove-all").focus()
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.getAttribute('aria-label')")
        == "Save picture one.png with its boxes"
    )
    focused = []
    for _ in range(3):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert focused[0] == "Remove one.png"
    assert focused[1] == "Face 1: about 31 years, 90 % interval 26 to 36, female 90 %."
    assert focused[2].endswith("male 80 %, low confidence, may be no face.")
    assert [("active" in box.get_attribute("class")) for box in page.locator(".box").all()] == [False, True]
    page.locator(".card").first.hover()
    assert "active" in page.locator(".box").first.get_attribute("class")
    page.get_by_role("button", name="Remove one.png").press("Enter")
    assert page.locator("article").count() == 0
    assert page.evaluate("document.activeElement.id") == "choose"


def test_a_screen_reader_hears_the_result_and_what_the_curve_shows(page: Any) -> None:
    put(page, ("one.png", picture((10, 20, 31), (100, 100))))
    said = page.locator("#summary")
    assert said.get_attribute("aria-live") == "polite"
    assert said.inner_text().startswith(
        "one.png: 2 faces. Face 1: about 31 years, 90 % interval 26 to 36, female 90 %."
    )
    label = page.locator(".curve").first.get_attribute("aria-label")
    assert "median 31 years, 90 % interval from 26 to 36 years" in label
    assert page.locator("article img").get_attribute("alt").startswith("one.png, with a numbered box")
    assert all(button.inner_text() for button in page.locator("button:visible").all())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    put(page, ("one.png", picture((10, 20, 31), (100, 100))), ("no.heic", b"ftyp"))
    low = page.evaluate(CONTRAST)
    assert low == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")


def test_a_phone_shows_it_without_scrolling_sideways(page: Any) -> None:
    page.set_viewport_size(PHONE)
    put(page, ("a-very-long-name-of-a-file" * 5 + ".png", picture((10, 20, 31), (800, 400))))
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    heights = [button.bounding_box()["height"] for button in page.locator("button:visible").all()]
    assert min(heights) >= 36


def test_a_phone_speaks_of_no_dropping(browser: Any, client: httpx.Client) -> None:
    for touch in (True, False):
        context = browser.new_context(viewport=PHONE, has_touch=touch, is_mobile=touch)
        page = context.new_page()
        page.goto(str(client.base_url))
        assert ("drop" in page.locator("body").inner_text().lower()) != touch
        context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_photograph_stays_in_view_while_the_cards_scroll(
    browser: Any, crowd: httpx.Client, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(str(crowd.base_url))
    put(page, ("crowd.png", picture((10, 20, 31), (1000, 400))))
    card = page.locator(".card").nth(25)
    card.focus()
    card.scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 1000
    stage, seen = page.locator("article .stage").bounding_box(), card.bounding_box()
    assert stage["y"] >= 0
    assert stage["y"] + stage["height"] <= 844
    if width == 390:
        assert seen["y"] >= stage["y"] + stage["height"], "the picture covers the card that has the focus"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_numbers_stand_beside_faces_and_never_on_one(browser: Any, crowd: httpx.Client, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(str(crowd.base_url))
    put(page, ("crowd.png", picture((10, 20, 31), (1000, 400))))
    boxes = [box.bounding_box() for box in page.locator(".box").all()]
    numbers = [number.bounding_box() for number in page.locator(".badge:visible").all()]
    assert len(boxes) == 30
    # The third row fills the whole width: below it there is still room for a number on a large screen.
    assert len(numbers) >= (30 if width == 1280 else 10)
    assert [(a, b) for a in numbers for b in boxes if overlap(a, b)] == []
    assert [(a, b) for a in numbers for b in numbers if a is not b and overlap(a, b)] == []
    page.close()


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    """Whether two rectangles share more than the hair that rounding makes."""
    return all(
        one[start] + one[size] > other[start] + 0.6 and other[start] + other[size] > one[start] + 0.6
        for start, size in (("x", "width"), ("y", "height"))
    )


def download(page: Any, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button, exact=True).click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_results_are_saved_as_the_server_gave_them(page: Any, client: httpx.Client) -> None:
    image = picture((10, 20, 31), (100, 100))
    put(page, ('a "b", c.png', image), ("none.png", picture(EMPTY)))
    name, text = download(page, "Save as JSON")
    assert name == "agelens.json"
    given = predict(client, ("c.png", image)).json()["photos"][0]
    saved = json.loads(text)["photos"]
    assert saved[0] == {**given, "file": 'a "b", c.png'}
    assert [(photo["file"], len(photo["faces"])) for photo in saved] == [('a "b", c.png', 2), ("none.png", 0)]
    name, text = download(page, "Save as CSV")
    assert name == "agelens.csv"
    table = csv.DictReader(io.StringIO(text.decode("utf-8")))
    rows = list(table)
    assert table.fieldnames == list(COLUMNS)
    assert [(row["file"], row["face"], row["age_years"]) for row in rows] == [
        ('a "b", c.png', "1", "31"), ('a "b", c.png', "2", "8"),
    ]  # fmt: skip
    assert [row["low_confidence"] for row in rows] == ["False", "True"]
    sides = [float(rows[0][name]) for name in ("left", "top", "right", "bottom")]
    assert sides == given["faces"][0]["box"]


def test_the_annotated_picture_is_saved(page: Any) -> None:
    put(page, ("one.png", picture((10, 20, 131), (400, 300))))
    name, data = download(page, "Save picture one.png with its boxes")
    assert name == "one annotated.jpg"
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] == 400
    assert pixels.shape[0] > 300, "no line below the picture tells of its faces"
    # Blue as it was between the boxes, the white frame of the second face at (60, 60), dark letters on white below.
    assert np.abs(pixels[200, 200] - (10, 20, 131)).max() < 12
    assert pixels[58:63, 64].min(axis=1).max() > 150
    assert pixels[302:].min() < 100 < 240 < pixels[302:].max()


def test_all_results_are_removed_together(page: Any) -> None:
    assert page.locator("#together").is_hidden()
    put(page, ("one.png", picture((10, 20, 31), (100, 100))), ("no.heic", b"ftyp"))
    assert page.locator("#together-count").inner_text() == "1 photograph"
    page.get_by_role("button", name="Remove all").click()
    assert page.locator("article").count() == 0
    assert page.locator("#together").is_hidden()
    assert page.evaluate("document.activeElement.id") == "choose"
    put(page, ("two.png", picture((10, 20, 31), (100, 100))))
    assert page.locator("#together-count").inner_text() == "1 photograph"


def test_dropping_and_pasting_work_like_choosing(page: Any) -> None:
    for kind, name in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(HAND_OVER, [kind, name, list(picture((10, 20, 31)))])
    sync_api.expect(page.locator("article .card")).to_have_count(4)
    assert sorted(page.locator("article h2").all_inner_texts()) == ["drop.png", "paste.png"]


def test_the_card_of_the_network_is_told(page: Any) -> None:
    page.get_by_text("What the network can and cannot do").click()
    sync_api.expect(page.locator("#card li")).to_have_text(["old people"])


def test_the_camera_is_shown_live_until_it_is_stopped(browser: Any) -> None:
    predictor = TwoFaces()
    with running(predictor) as client:
        page = browser.new_page()
        page.goto(str(client.base_url))
        page.get_by_role("button", name="Use the camera").click()
        sync_api.expect(page.locator("#camera .card")).to_have_count(2)
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Keep this picture").click()
        sync_api.expect(page.locator("article .card")).to_have_count(2)
        page.get_by_role("button", name="Stop").click()
        page.wait_for_timeout(300)
        frames = len(predictor.batches)
        page.wait_for_timeout(500)
        assert len(predictor.batches) == frames > 3
        assert page.locator("#camera").is_hidden()
        page.close()


def test_a_server_that_is_gone_is_told_in_a_sentence(browser: Any) -> None:
    with running(ColourPredictor()) as client:
        page = browser.new_page()
        page.goto(str(client.base_url))
        page.locator("#version").filter(has_text="AgeLens").wait_for()
    put(page, ("one.png", picture((10, 20, 31))))
    assert page.get_by_role("alert").filter(visible=True).inner_text() == (
        "The server does not answer; is it still running?"
    )
    page.close()


def test_the_page_for_programs_lists_every_route(page: Any, client: httpx.Client) -> None:
    page.goto(f"{client.base_url}/docs")
    sync_api.expect(page.locator("h2")).to_have_text(
        ["POST /api/predict", "GET /api/health", "GET /api/card"]
    )
    assert "photos[].faces[].age_years" in page.locator("#routes").inner_text()


HAND_OVER = """([kind, name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
  const event = new Event(kind, { bubbles: true, cancelable: true });
  Object.defineProperty(event, name, { value: data });
  document.body.dispatchEvent(event);
}"""

# Every piece of text against the nearest opaque background; gives those below 4.5 to 1 (3 to 1 for large ones).
CONTRAST = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = numbers(color).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const [, , , alpha = 1] = numbers(color);
      if (alpha > 0.8) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility() || one.closest(".unseen")) continue;
    const style = getComputedStyle(one);
    const [a, b] = [light(one.closest("svg") ? style.fill : style.color), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) low.push(`${one.tagName} ${one.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""
