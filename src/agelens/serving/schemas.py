"""The shapes of the server's answers, as its OpenAPI description tells them."""

from typing import Any

from pydantic import BaseModel, Field


class FaceResponse(BaseModel):
    """One face. What is not known of it is left out."""

    box: tuple[float, float, float, float] | None = Field(
        None, description="Left, top, right, bottom: pixels of the upright image, within it."
    )
    landmarks: list[tuple[float, float]] | None = Field(
        None,
        description="x and y, pixels, of the eye on the left, the eye on the right, the nose, and the corners of the "
        "mouth on the left and on the right; left and right as one sees them.",
    )
    score: float | None = Field(None, ge=0, le=1, description="Of the detector, 0 to 1.")
    low_confidence: bool | None = Field(
        None, description="Whether the detector is so unsure that this may be no face."
    )
    age_years: float | None = Field(None, description="Years; the median of the distribution.")
    age_low: float | None = Field(
        None, description="Lower end of the prediction interval, years; made to hold 90 % of true ages."
    )
    age_high: float | None = Field(None, description="Upper end of the prediction interval, years, included.")
    p_female: float | None = Field(
        None, ge=0, le=1, description="Probability, 0 to 1, that the dataset's binary label is female."
    )
    age_distribution: list[float] | None = Field(
        None, description="Probability of each whole age, from 0 years on; together 1."
    )


class ImageResponse(BaseModel):
    """One image and its faces."""

    file: str = Field(description="The name under which it was sent.")
    width: int | None = Field(
        None,
        description="Pixels of the upright image (EXIF orientation obeyed); of photographs that were read.",
    )
    height: int | None = Field(None, description="Pixels of the upright image.")
    error: str | None = Field(None, description="Why it cannot be read; only where it cannot.")
    faces: list[FaceResponse] = Field(
        description="From the largest to the smallest; empty where there is none."
    )


class PredictResponse(BaseModel):
    """The images of one request, in its order."""

    photos: list[ImageResponse]


class NetworkResponse(BaseModel):
    """A network that is loaded."""

    task: str = Field(description="What it estimates: age, gender or both.")
    identity: str = Field(description="Digest of what made it; equal networks have equal ones.")


class QueueResponse(BaseModel):
    """How busy the server is."""

    requests: int = Field(description="Requests inside: received, queued or estimated.")
    most_requests: int = Field(description="From this many on, further ones are refused (503).")
    images: int = Field(description="Images that are decoded and wait for the predictor.")


class LimitsResponse(BaseModel):
    """What a request may hold."""

    body_bytes: int = Field(description="Bytes of a request's body.")
    pixels: int = Field(description="Width times height of an image.")
    images: int = Field(description="Images in a request.")


class HealthResponse(BaseModel):
    """That the server runs, and what it runs with."""

    status: str = Field(description='"ok".')
    version: str = Field(description="Of AgeLens.")
    networks: list[NetworkResponse]
    queue: QueueResponse
    limits: LimitsResponse


class CardsResponse(BaseModel):
    """The cards of the networks that are loaded: what they were trained on, how they scored, their limits."""

    cards: list[dict[str, Any]]


class ErrorResponse(BaseModel):
    """Every answer that is not 200."""

    detail: str = Field(description="One sentence: what is wrong, and where possible the way out.")
