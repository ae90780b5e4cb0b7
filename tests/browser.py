"""A headless browser, for the tests of pages."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSER = next(
    (path for path in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser")) if path.exists()), None
)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
PHONE = {"width": 390, "height": 844}


@contextlib.contextmanager
def launched() -> Iterator[Any]:
    """Chromium under Playwright; the test is skipped where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright here, so the page is not tested"
    )
    if BROWSER is None:
        pytest.skip("no Chromium here (/usr/bin/chromium), so the page is not tested")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield opened
        opened.close()
