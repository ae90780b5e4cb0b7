"""The pages on a desk and on a phone, in a headless browser: nothing is lost at the right edge, filters work."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from agelens.bundles.bundle import BUNDLED
from agelens.data.audit import Audit
from agelens.data.duplicates import DuplicateGroup, Pair
from agelens.reporting.card_page import LEADING, card_page
from agelens.reporting.galleries import write_gallery
from agelens.reporting.report import write_report
from agelens.utils.files import read_json
from tests.browser import PHONE, launched
from tests.reporting.runs import make_run

# Elements beyond the right edge that no scrolling container holds, and tables that are wider without saying so.
LOST = """() => [...document.querySelectorAll("body *")].filter((one) => {
  if (!one.checkVisibility() || one.closest(".scroll, .plot")) return false;
  return one.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).concat([...document.querySelectorAll(".scroll")].filter((one) => {
  const told = getComputedStyle(one, "::before").content.includes("scroll this table");
  return one.checkVisibility() && (one.scrollWidth > one.clientWidth + 1) !== told;
})).map((one) => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        # The page draws its charts itself; their files are tested elsewhere.
        patch.setattr("agelens.reporting.report.write_figure", lambda *_: None)
        patch.setattr("agelens.reporting.exploration.write_figure", lambda *_: None)
        return write_report(make_run(tmp_path_factory.mktemp("pages") / "run", images=60))


def opened(browser: Any, path: Path, phone: bool) -> Any:
    context = browser.new_context(
        viewport=PHONE if phone else {"width": 1280, "height": 900},
        has_touch=phone,
        is_mobile=phone,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    failures: list[Any] = []
    page.on("pageerror", lambda error: failures.append(error))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    assert failures == []
    return page


@pytest.mark.parametrize("phone", [False, True])
def test_nothing_of_the_report_lies_beyond_the_right_edge(browser: Any, report: Path, phone: bool) -> None:
    page = opened(browser, report, phone)
    assert page.evaluate("document.documentElement.scrollWidth") == (390 if phone else 1280)
    assert page.evaluate(LOST) == []
    if phone:
        assert page.locator(".scroll.wider").count() > 0, "no table was wide enough to tell"
    page.context.close()


def test_the_contents_of_the_report_are_within_reach_on_a_phone(browser: Any, report: Path) -> None:
    page = opened(browser, report, phone=True)
    page.evaluate("scrollTo(0, 6000)")
    contents = page.locator("nav summary")
    assert 0 <= contents.bounding_box()["y"] < 60, "the contents have scrolled away"
    assert page.locator("nav a").first.is_hidden()
    contents.tap()
    page.locator("nav a", has_text="Limits and intended use").tap()
    heading, bar = page.locator("#limits h2").bounding_box(), page.locator("nav").bounding_box()
    assert bar["y"] + bar["height"] - 20 < heading["y"] < 150, "the heading is not where the reader looks"
    assert page.locator("nav a").first.is_hidden()
    page.context.close()
    page = opened(browser, report, phone=False)
    assert page.locator("nav a").first.is_visible()
    page.context.close()


def test_digests_and_raw_settings_stand_in_details_only(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    body = page[page.index("<main>") : page.index("</main>")]
    read = re.sub(r"<details>.*?</details>", "", body, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", read)
    assert "ab" * 32 in body
    assert not re.search(r"[0-9a-f]{32}", text)
    assert not re.search(r"[{}]|\['[^]]*'\]| = ,|None", text)


def make_audit(pairs: int) -> Audit:
    """Near and mirrored copies of one face in turn; every third pair differs in gender, the others in age."""
    kinds = ("near", "mirrored")
    found = [
        Pair(
            "a.jpg",
            f"{number:03}.jpg",
            kinds[number % 2],
            9,
            30,
            30 + bool(number % 3),
            0,
            int(not number % 3),
            int(bool(number % 3)),
        )
        for number in range(pairs)
    ]
    group = DuplicateGroup(tuple({name for pair in found for name in (pair.a, pair.b)}), tuple(found))
    return Audit("source", pairs + 1, (), (), (), (group,), {})


def test_the_gallery_counts_filters_and_turns_pages_of_fifty(browser: Any, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.jpg")
    write_gallery(make_audit(130), pd.DataFrame({"path": [str(tmp_path / "a.jpg")]}), tmp_path / "audit.html")
    page = opened(browser, tmp_path / "audit.html", phone=True)
    counts = page.locator(".counts").inner_text().split("\n")
    assert counts == [
        "130", "pairs with a conflict", "86", "differ in age", "44", "differ in gender", "65", "near duplicates",
        "65", "mirrored",
    ]  # fmt: skip
    shown = page.locator("article:visible")
    where, back, following = (page.locator(f"#{name}") for name in ("where", "back", "next"))
    assert (shown.count(), where.inner_text(), back.is_disabled()) == (50, "1–50 of 130", True)
    following.tap()
    following.tap()
    assert (shown.count(), where.inner_text(), following.is_disabled()) == (30, "101–130 of 130", True)
    page.locator("#kind").select_option("mirrored")
    assert (shown.count(), where.inner_text()) == (50, "1–50 of 65")
    page.locator("#conflict").select_option("gender")
    assert {one.strip() for one in page.locator("article:visible .kind").all_text_contents()} == {
        "Mirrored, 9 of 256 bits differ"
    }
    assert (shown.count(), where.inner_text()) == (22, "1–22 of 22")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(LOST) == []
    page.context.close()


@pytest.mark.parametrize("phone", [False, True])
def test_the_card_leads_with_limitations_and_fits(browser: Any, tmp_path: Path, phone: bool) -> None:
    card = read_json(BUNDLED / "card.json")
    (tmp_path / "card.html").write_text(card_page(card), encoding="utf-8")
    page = opened(browser, tmp_path / "card.html", phone)
    leading = page.locator(".note").first
    first = leading.locator("li").all_inner_texts()
    others = page.locator("#limitations + ul li").all_inner_texts()
    assert sorted([*first, *others]) == sorted(card["limitations"])
    # Errors of gender are 3.3 times as frequent there as overall, and the MAE is 1.9 times the overall.
    assert [line.split(":")[0] for line in first[:2]] == ["Age band (years) 0-9", "Age band (years) 70-79"]
    assert len(first) == LEADING
    assert leading.bounding_box()["y"] < 300
    assert page.evaluate("document.documentElement.scrollWidth") == (390 if phone else 1280)
    assert page.evaluate(LOST) == []
    page.context.close()
