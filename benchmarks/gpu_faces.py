"""The faces that `gpu_prepare.py` packed, on the device; how they are framed, and how often each is drawn.

PyTorch is not in the project's lock file: `pip install torch`. `gpu_finetune.py` uses this; it is no program.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from gpu_figures import UTKFACE
from gpu_packed import decode, read_blobs
from torch.nn import functional

TRAIN, VALIDATION = 0, 1


@dataclass(frozen=True)
class Faces:
    """Crops and labels on one device.

    Attributes:
        pixels: uint8 (faces, 3, side, side).
        labels: the columns of `gpu_prepare.py`, int64 (faces,) each.
    """

    pixels: torch.Tensor
    labels: dict[str, torch.Tensor]

    def rows(self, *splits: int) -> torch.Tensor:
        """Return the numbers of the faces of some splits."""
        wanted = torch.tensor(splits, device=self.pixels.device)
        return torch.isin(self.labels["split"], wanted).nonzero()[:, 0]

    def labels_of(self, rows: torch.Tensor) -> dict[str, np.ndarray]:
        return {name: column[rows].cpu().numpy() for name, column in self.labels.items()}


@dataclass(frozen=True)
class Padding:
    """How a crop lies in the square that an encoder takes; what is around it repeats its edge.

    Attributes:
        image_size: pixels of the square.
        crop_size: pixels of the crop in it.
        crop_shift_y: how far the crop is moved down, as a share of the square.
    """

    image_size: int
    crop_size: int
    crop_shift_y: float = 0.0

    def frame(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return scaled pixels, -1 to 1, (faces, 3, image_size, image_size), of crops from 0 to 255 of any size."""
        x = pixels.float()
        if x.shape[-1] != self.crop_size:
            size = (self.crop_size, self.crop_size)
            x = functional.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False).round()
        if self.crop_size != self.image_size or self.crop_shift_y:
            margin = (self.image_size - self.crop_size) / 2
            at = torch.arange(self.image_size, device=x.device)
            rows = (at - round(margin + self.crop_shift_y * self.image_size)).clamp(0, self.crop_size - 1)
            columns = (at - round(margin)).clamp(0, self.crop_size - 1)
            x = x[:, :, rows][:, :, :, columns]
        return (x / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def load_faces(folder: Path, device: str, limit: int | None = None) -> Faces:
    """Decode the faces of a folder, all or `limit` of them drawn by chance."""
    labels = dict(np.load(folder / "labels.npz"))
    blobs = read_blobs(folder)
    if len(blobs) != len(labels["source"]):
        raise SystemExit(
            f"{folder} holds {len(blobs)} faces and {len(labels['source'])} labels; pack it again."
        )
    if limit is not None:
        keep = np.random.default_rng(0).permutation(len(blobs))[:limit]
        blobs, labels = [blobs[i] for i in keep], {name: column[keep] for name, column in labels.items()}
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(16) as workers:
        images = np.stack(list(workers.map(decode, blobs)))
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).contiguous()
    return Faces(pixels, {name: torch.from_numpy(column).to(device) for name, column in labels.items()})


def sampling_weights(
    labels: dict[str, torch.Tensor], rows: torch.Tensor, utkface_share: float, balance_power: float
) -> torch.Tensor:
    """Return how often each face of `rows` is drawn, relative to the others, (rows,).

    UTKFace's faces are `utkface_share` of the draws. Within a source, faces of an age group of n faces are drawn in
    proportion to n to the power of minus `balance_power`: 0 leaves the groups as they are, 1 makes them equal.
    """
    low, source = labels["low"][rows], labels["source"][rows]
    starts = torch.tensor([3, 10, 20, 30, 40, 50, 60, 70], device=low.device)
    group = torch.bucketize(low, starts, right=True)
    weights = torch.zeros(len(rows), device=low.device)
    for one in source.unique():
        own = source == one
        counts = torch.bincount(group[own], minlength=len(starts) + 1).clamp(min=1).float()
        weight = counts[group[own]] ** -balance_power
        weights[own] = weight / weight.sum() * (utkface_share if one == UTKFACE else 1 - utkface_share)
    return weights
