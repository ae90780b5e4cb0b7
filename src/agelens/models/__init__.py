"""The registry of backbones, how they are built, and what stands on them."""
