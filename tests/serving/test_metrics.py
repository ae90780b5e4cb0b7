"""The counters, and crops in the interface."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.serving import EMPTY, ColourPredictor, picture, running, upload


@pytest.fixture
def predictor() -> ColourPredictor:
    return ColourPredictor()


@pytest.fixture
def client(predictor: ColourPredictor) -> Iterator[httpx.Client]:
    with running(predictor) as client:
        yield client


def test_answers_images_and_faces_are_counted(client: httpx.Client) -> None:
    images = upload(("secret.png", picture((1, 2, 3))), ("b.png", picture(EMPTY)), ("c.png", b"no image"))
    assert client.post("/api/predict", files=images).status_code == 200
    assert client.post("/api/predict", content=b"").status_code == 415
    client.get("/somewhere/else")
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "secret" not in answer.text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    for result in ("faces", "none", "error"):
        assert found["agelens_images_total", result] == 1
    assert found["agelens_faces_total",] == 1
    assert found["agelens_requests_total", "/api/predict", "200"] == 1
    assert found["agelens_requests_total", "/api/predict", "415"] == 1
    assert found["agelens_requests_total", "other", "404"] == 1
    assert found["agelens_request_seconds_count", "/api/predict"] == 2
    assert found["agelens_requests_inside",] == 0


def test_crops_are_searched_for_no_face(client: httpx.Client, predictor: ColourPredictor) -> None:
    image = upload(("a.png", picture((1, 2, 3))))
    assert client.post("/api/predict?crops=true", files=image).status_code == 200
    assert client.post("/api/predict", files=image).status_code == 200
    assert predictor.kinds == [True, False]
