"""Small pictures that stand within a page."""

import base64
import io

from PIL import Image


def encode_jpeg(image: Image.Image, quality: int) -> str:
    """Return a picture as JPEG in base64."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return base64.b64encode(file.getvalue()).decode("ascii")
