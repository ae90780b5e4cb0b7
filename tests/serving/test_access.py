"""A key for the interface, and websites whose pages may ask it."""

from collections.abc import Iterator

import httpx
import pytest

from agelens.errors import AgeLensError
from agelens.serving.access import Access
from tests.serving.serving import ColourPredictor, detail, picture, running, upload

KEY, FRIEND = "a long secret", "https://friend.example"
IMAGE = upload(("a.png", picture((1, 2, 3))))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with running(ColourPredictor(), access=Access(KEY, (FRIEND,))) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "wrong"}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer"}],
)
def test_without_the_key_nothing_is_answered(client: httpx.Client, headers: dict[str, str]) -> None:
    for answer in (
        client.post("/api/predict", files=IMAGE, headers=headers),
        client.get("/api/card", headers=headers),
        client.get("/metrics", headers=headers),
    ):
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "wants a key" in detail(answer)
        names = [name.lower() for name, _ in answer.headers.multi_items()]
        assert "content-security-policy" in names
        assert len(names) == len(set(names)), "a header stands there twice"


@pytest.mark.parametrize("headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}])
def test_with_the_key_all_is(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.post("/api/predict", files=IMAGE, headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 200


def test_whoever_looks_after_the_server_needs_no_key(client: httpx.Client) -> None:
    assert client.get("/api/health").status_code == 200
    assert client.get("/").status_code == 200


def test_pages_of_friends_may_ask_and_others_not(client: httpx.Client) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    allowed = client.options("/api/predict", headers={"Origin": FRIEND, **asks})
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, FRIEND)
    sent = {"X-API-Key": KEY, "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/api/predict", files=IMAGE, headers={"Origin": FRIEND, **sent})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, FRIEND)
    stranger = client.post("/api/predict", files=IMAGE, headers={"Origin": "https://other.example", **sent})
    assert stranger.status_code == 403
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGELENS_API_KEY", KEY)
    access = Access.from_environment(["https://Friend.example/"])
    assert access == Access(KEY, (FRIEND,))
    assert KEY not in repr(access)
    monkeypatch.delenv("AGELENS_API_KEY")
    assert Access.from_environment() == Access()


@pytest.mark.parametrize("origin", ["*", "friend.example", "https://friend.example/page"])
def test_an_origin_that_is_none_is_told(origin: str) -> None:
    with pytest.raises(AgeLensError, match="An origin is a scheme and a host"):
        Access(origins=(origin,))
