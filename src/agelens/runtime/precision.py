"""The precisions that a network may compute in."""

from agelens.errors import AgeLensError

PRECISIONS = ("auto", "bf16", "f32")


def check_precision(precision: str) -> None:
    """Refuse, with an AgeLensError, what is none of PRECISIONS."""
    if precision not in PRECISIONS:
        raise AgeLensError(f"Precision {precision!r} is not one of {', '.join(PRECISIONS)}.")
