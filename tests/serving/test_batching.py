"""Many clients at once: batches, room, failures and patience, and that no answer goes to another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from agelens.serving.limits import Limits
from agelens.utils.images import Photograph, decode_photo, weigh
from tests.serving.serving import (
    POISON,
    ColourPredictor,
    detail,
    face,
    picture,
    predict,
    running,
    upload,
    wait_for,
)


def test_many_clients_are_estimated_in_batches_and_each_gets_its_own() -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    limits = Limits(batch=8)
    with running(predictor, limits) as client, ThreadPoolExecutor(24) as pool:

        def ask(number: int) -> bool:
            colour = (number, 2 * number, 100 - number)
            photo = predict(client, (f"{number}.png", picture(colour, (10 + number, 9)))).json()["photos"][0]
            expected = face(*colour).to_dict()
            return (photo["file"], photo["width"], photo["faces"]) == (
                f"{number}.png",
                10 + number,
                [expected],
            )

        answers = [pool.submit(ask, number) for number in range(1, 25)]
        wait_for(lambda: bool(predictor.batches))
        wait_for(lambda: client.get("/api/health").json()["queue"]["images"] == 24 - predictor.batches[0])
        predictor.open.set()
        assert all(answer.result(20) for answer in answers)
    assert sum(predictor.batches) == 24
    # The first batch began with what was there; after it all the others were waiting.
    assert predictor.batches[1:-1] == [8] * len(predictor.batches[1:-1])
    assert max(predictor.batches) == 8


def test_images_beyond_the_room_for_pixels_wait_undecoded() -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    with running(predictor, Limits(batch=1, held_pixels=200)) as client, ThreadPoolExecutor(9) as pool:
        answers = [pool.submit(predict, client, ("a.png", picture((1, 2, n), (10, 10)))) for n in range(9)]
        wait_for(lambda: client.get("/api/health").json()["queue"]["requests"] == 9)
        threading.Event().wait(0.2)
        # One with the predictor, one queued, and one that was being decoded when the room was full.
        assert client.get("/api/health").json()["queue"]["images"] <= 2
        predictor.open.set()
        ages = [answer.result(20).json()["photos"][0]["faces"][0]["age_years"] for answer in answers]
    assert ages == [float(n) for n in range(9)]


def test_more_requests_than_may_wait_are_told_to_come_again() -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    with running(predictor, Limits(waiting=1)) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(predict, client, ("a.png", picture((1, 2, 3))))
        wait_for(lambda: client.get("/api/health").json()["queue"]["requests"] == 1)
        second = predict(client, ("b.png", picture((1, 2, 3))))
        assert (second.status_code, second.headers["Retry-After"]) == (503, "1")
        detail(second)
        predictor.open.set()
        assert first.result(20).status_code == 200
        assert predict(client, ("b.png", picture((1, 2, 3)))).status_code == 200


def test_the_bytes_of_all_requests_are_limited_and_given_back() -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    limits = Limits(body_bytes=2500, held_bytes=2500)
    with running(predictor, limits) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(predict, client, ("a.png", picture((1, 2, 3)) + b"\0" * 1200))
        wait_for(lambda: bool(predictor.batches))
        assert predict(client, ("b.png", picture((1, 2, 3)) + b"\0" * 1200)).status_code == 503
        predictor.open.set()
        assert first.result(20).status_code == 200
        for _ in range(10):
            assert predict(client, ("a.png", picture((1, 2, 3)))).status_code == 200


def test_a_failure_of_the_predictor_is_told_to_its_image_alone(caplog: pytest.LogCaptureFixture) -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    with running(predictor) as client, ThreadPoolExecutor(3) as pool:
        first = pool.submit(predict, client, ("first.png", picture((1, 2, 3))))
        wait_for(lambda: predictor.batches == [1])
        good = pool.submit(predict, client, ("good.png", picture((4, 5, 6))))
        bad = pool.submit(predict, client, ("secret-name.png", picture(POISON)))
        wait_for(lambda: client.get("/api/health").json()["queue"]["images"] == 2)
        predictor.open.set()
        assert (first.result(20).status_code, good.result(20).status_code) == (200, 200)
        assert bad.result(20).status_code == 500
        assert "secret-name.png" in detail(bad.result())
        assert predict(client, ("after.png", picture((7, 8, 9)))).status_code == 200
    assert predictor.batches[1] == 2
    assert "ZeroDivisionError" in caplog.text
    assert "secret-name" not in caplog.text


class Forgetful(ColourPredictor):
    def predict(self, images: object, crops: bool = False) -> list:  # type: ignore[override,type-arg]
        return []


def test_an_predictor_that_loses_an_image_is_a_failure() -> None:
    with running(Forgetful()) as client:
        assert predict(client, ("a.png", picture((1, 2, 3)))).status_code == 500


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    with running(predictor, Limits(answer_seconds=0.3)) as client:
        answer = predict(client, ("a.png", picture((1, 2, 3))))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert client.get("/api/health").json()["queue"]["requests"] == 0
        predictor.open.set()


def test_what_nobody_waits_for_is_not_estimated() -> None:
    predictor = ColourPredictor()
    predictor.open.clear()
    with running(predictor) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(predict, client, ("a.png", picture((1, 2, 3))))
        wait_for(lambda: predictor.batches == [1])
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/predict", files=upload(("gone.png", picture((4, 5, 6)))), timeout=0.3)
        wait_for(lambda: client.get("/api/health").json()["queue"]["requests"] == 1)
        predictor.open.set()
        assert first.result(20).status_code == 200
        assert predict(client, ("b.png", picture((7, 8, 9)))).status_code == 200
    assert predictor.seen == [(1, 2, 3), (7, 8, 9)]


def test_large_images_are_decoded_when_they_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decoding itself holds is counted too, and small images do not keep a large one waiting for ever."""
    decoding, most = [0], [0]

    def decode(data: bytes, max_pixels: int) -> Photograph:
        decoding[0] += weigh(data)
        most[0] = max(most[0], decoding[0])
        threading.Event().wait(0.02)
        photo = decode_photo(data, max_pixels)
        decoding[0] -= weigh(data)
        return photo

    monkeypatch.setattr("agelens.serving.batching.decode_photo", decode)
    sizes = [(10, 10), (40, 40), (10, 10), (10, 10), (40, 40), (10, 10), (10, 10), (40, 40)]
    with running(ColourPredictor(), Limits(held_pixels=500)) as client, ThreadPoolExecutor(8) as pool:
        answers = [
            pool.submit(predict, client, ("a.png", picture((1, 2, number), size)))
            for number, size in enumerate(sizes)
        ]
        photos = [answer.result(20).json()["photos"][0] for answer in answers]
    assert [photo["faces"][0]["age_years"] for photo in photos] == list(range(8))
    assert most[0] == 1600


def test_room_is_given_back_where_decoding_fails() -> None:
    whole = picture((1, 2, 3), (20, 20))
    with running(ColourPredictor(), Limits(held_pixels=500)) as client:
        for _ in range(5):
            assert predict(client, ("half.png", whole[:-30])).status_code == 422
            assert predict(client, ("a.png", whole)).status_code == 200


def test_large_photographs_are_answered_in_their_own_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A JPEG of many pixels is decoded at a reduced size; the answer counts the pixels of the file."""
    monkeypatch.setattr("agelens.utils.images.FULL_PIXELS", 10_000)
    with running(ColourPredictor()) as client:
        for form in ("JPEG", "PNG"):
            photo = predict(client, ("a", picture((9, 9, 9), (400, 200), form))).json()["photos"][0]
            assert (photo["width"], photo["height"]) == (400, 200)


def test_the_largest_photographs_of_phones_are_not_refused() -> None:
    # 50 and 200 megapixels.
    for width, height in ((8192, 6144), (12000, 9000), (16320, 12240)):
        assert width * height <= Limits().pixels
