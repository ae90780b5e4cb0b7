"""Which precision a network computes in, and what this processor supports."""

PRECISIONS = ("auto", "bf16", "f32")
