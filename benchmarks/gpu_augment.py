"""Augment batches of face crops on the device: occlusion, geometry, light, sharpness, noise, compression.

PyTorch is not in the project's lock file: `pip install torch`. `gpu_finetune.py` uses this; it is no program.
"""

import math

import torch
from torch.nn import functional

# The tables of quantisation of luma and chroma that JPEG's standard gives as examples (ITU-T T.81, annex K).
_JPEG_LUMA = torch.tensor([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99.0,
]).reshape(8, 8)  # fmt: skip
_JPEG_CHROMA = torch.full((8, 8), 99.0)
_JPEG_CHROMA[:4, :4] = torch.tensor(
    [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99.0]]
)
_LUMA = (0.299, 0.587, 0.114)


class Draws:
    """Random numbers: for batches on the device; single ones on the host, so that none has to wait for the device."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator(device=device).manual_seed(seed)
        self._host = torch.Generator().manual_seed(seed)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.rand(*shape, generator=self.generator, device=self.device) * (high - low) + low

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def happens(self, count: int, probability: float) -> torch.Tensor:
        """Return 1 for the chosen of `count` faces and 0 for the others, (faces, 1, 1, 1)."""
        return _each(self.uniform(count) < probability).float()

    def order(self, count: int) -> torch.Tensor:
        return torch.randperm(count, generator=self.generator, device=self.device)

    def number(self) -> float:
        return float(torch.rand(1, generator=self._host))

    def integers(self, low: int, high: int, count: int) -> list[int]:
        """Return integers from `low` to `high` - 1."""
        return torch.randint(low, high, (count,), generator=self._host).tolist()


def augment(images: torch.Tensor, image_size: int, draws: Draws) -> torch.Tensor:
    """Return changed copies, float32 0 to 255, (faces, 3, image_size, image_size).

    Args:
        images: uint8 (faces, 3, side, side).
    """
    n = len(images)
    x = _occlude(images.float(), draws)
    x = _move(x, image_size, draws)
    # Some faces hardly change in light, others much.
    x = _light(x, draws.uniform(n, low=0.1, high=1.0), draws)
    x = _blur(x, draws)
    x = _shrink(x, draws)
    noise = (draws.uniform(n) < 0.15).float() * draws.uniform(n) ** 2 * 25
    x = x + draws.normal(*x.shape) * _each(noise)
    return _compress(x, draws).clamp(0, 255)


def _each(values: torch.Tensor) -> torch.Tensor:
    """From one value a face, (faces,), to (faces, 1, 1, 1)."""
    return values[:, None, None, None]


def _soft_box(
    image_size: int, center: tuple[torch.Tensor, ...], half: tuple[torch.Tensor, ...], power: float = 4.0
) -> torch.Tensor:
    """1 inside a rounded rectangle, 0 outside, (faces, 1, side, side).

    Args:
        center, half: x and y of the middle, half width and half height, in shares of the side, (faces,) each.
        power: the greater, the sharper the corners.
    """
    at = (torch.arange(image_size, device=center[0].device) + 0.5) / image_size
    dx = ((at[None] - center[0][:, None]) / half[0][:, None]).abs() ** power
    dy = ((at[None] - center[1][:, None]) / half[1][:, None]).abs() ** power
    return ((1 - (dx[:, None, :] + dy[:, :, None])) * 20).clamp(0, 1)[:, None]


def _occlude(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    x, colour = _erase(x, draws)
    return _cover(_put_on_sunglasses(x, colour, draws), colour, draws)


def _erase(x: torch.Tensor, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """Erase a rectangle with a colour or noise; return the colour drawn for each face too, (faces, 3, 1, 1)."""
    n, image_size = len(x), x.shape[-1]
    on = draws.happens(n, 0.2)
    area, aspect = draws.uniform(n, low=0.02, high=0.18), torch.exp(draws.uniform(n, low=-1, high=1))
    center = draws.uniform(n), draws.uniform(n)
    mask = on * _soft_box(image_size, center, ((area * aspect).sqrt() / 2, (area / aspect).sqrt() / 2), 16)
    colour = draws.uniform(n, 3, 1, 1) * 255
    noise = draws.uniform(*x.shape) * 255
    plain = draws.happens(n, 0.5)
    return x + mask * (plain * colour + (1 - plain) * noise - x), colour


def _put_on_sunglasses(x: torch.Tensor, colour: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Two dark boxes and a bridge over the eyes, at 0.30 and 0.69 of the width and 0.29 of the height."""
    n, image_size = len(x), x.shape[-1]
    on = draws.happens(n, 0.06) * _each(draws.uniform(n, low=0.7))
    half = draws.uniform(n, low=0.13, high=0.19), draws.uniform(n, low=0.08, high=0.14)
    y = draws.uniform(n, low=0.28, high=0.33)
    zero = torch.zeros(n, device=x.device)
    mask = torch.maximum(
        _soft_box(image_size, (zero + 0.3, y), half), _soft_box(image_size, (zero + 0.69, y), half)
    )
    bridge = _soft_box(image_size, (zero + 0.5, y - 0.03), (zero + 0.35, zero + 0.015), 8)
    return x + on * torch.maximum(mask, bridge) * (colour * 0.25 - x)


def _cover(x: torch.Tensor, colour: torch.Tensor, draws: Draws) -> torch.Tensor:
    """A hand, a scarf, a mask or a microphone: the face's own skin or a colour over the lower half or a side."""
    n, image_size = len(x), x.shape[-1]
    on = draws.happens(n, 0.06)
    rows, columns = (
        slice(int(0.45 * image_size), int(0.6 * image_size)),
        slice(int(0.25 * image_size), int(0.75 * image_size)),
    )
    skin = x[:, :, rows, columns].mean(dim=(2, 3), keepdim=True)
    is_skin = draws.happens(n, 0.6)
    center = draws.uniform(n, low=0.1, high=0.9), draws.uniform(n, low=0.65, high=1.05)
    half = draws.uniform(n, low=0.1, high=0.45), draws.uniform(n, low=0.1, high=0.3)
    mask = on * _soft_box(image_size, center, half, 3)
    return x + mask * (is_skin * skin * 0.9 + (1 - is_skin) * colour - x)


def _move(x: torch.Tensor, image_size: int, draws: Draws) -> torch.Tensor:
    """Turn, zoom, stretch, shift, flip and tilt; mostly a little, for some faces much."""
    n, u = len(x), draws.uniform
    angle = draws.normal(n) * torch.where(u(n) < 0.15, 14.0, 4.5) * math.pi / 180
    zoom = torch.exp(u(n, low=-1, high=1) * torch.where(u(n) < 0.2, 0.22, 0.1))
    stretch = torch.exp(u(n, low=-0.05, high=0.05))
    shift = u(n, 2, low=-1) * torch.where(u(n) < 0.15, 0.2, 0.09)[:, None]
    flip = torch.where(u(n) < 0.5, -1.0, 1.0)
    tilt = u(n, 2, low=-1) * 0.1
    at = (torch.arange(image_size, device=x.device) + 0.5) / image_size * 2 - 1
    gy, gx = torch.meshgrid(at, at, indexing="ij")
    gx, gy = gx[None], gy[None]
    depth = 1 + tilt[:, 0, None, None] * gx + tilt[:, 1, None, None] * gy
    gx, gy = gx / depth, gy / depth
    c, s = (torch.cos(angle) / zoom)[:, None, None], (torch.sin(angle) / zoom)[:, None, None]
    sx = (c * gx - s * gy) * stretch[:, None, None] * flip[:, None, None] + shift[:, 0, None, None]
    sy = (s * gx + c * gy) / stretch[:, None, None] + shift[:, 1, None, None]
    # A face that fills its photograph: what lies beyond the edge repeats the edge.
    edge = torch.where((u(n) < 0.25)[:, None], 1 - u(n, 4) ** 2 * 0.4, 1.0)
    sx = torch.minimum(torch.maximum(sx, -edge[:, 0, None, None]), edge[:, 1, None, None])
    sy = torch.minimum(torch.maximum(sy, -edge[:, 2, None, None]), edge[:, 3, None, None])
    grid = torch.stack([sx, sy], -1)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _light(x: torch.Tensor, strength: torch.Tensor, draws: Draws) -> torch.Tensor:
    n = len(x)
    x = _change_tones(x, strength, draws)
    # Colour casts: of light (weak, often) and of old prints (strong, seldom).
    width = torch.where(draws.uniform(n) < 0.1, 0.3, 0.08) * strength
    gains = 1 + draws.uniform(n, 3, low=-1) * width[:, None]
    x = x * gains[:, :, None, None]
    # Light from a side.
    at = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    slope = draws.uniform(n, 2, low=-1) * torch.where(draws.uniform(n) < 0.3, 0.4, 0.0)[:, None]
    light = 1 + slope[:, 0, None, None] * at[None, None, :] + slope[:, 1, None, None] * at[None, :, None]
    return x * light[:, None]


def _change_tones(x: torch.Tensor, strength: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Change gamma, contrast, brightness and saturation; some faces become faded prints, some grey."""
    n = len(x)
    brightness, contrast, saturation = (
        1 + draws.uniform(n, low=-0.35, high=0.35) * strength for _ in range(3)
    )
    gamma = torch.exp(draws.uniform(n, low=-0.35, high=0.35) * strength)
    x = 255 * (x / 255).clamp(1e-4, 1) ** _each(gamma)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    # Faded prints: little contrast, and black is grey.
    faded = (draws.uniform(n) < 0.06).float()
    contrast = contrast * (1 - faded * draws.uniform(n, low=0.2, high=0.6))
    x = (x - mean) * _each(contrast) + mean * _each(brightness)
    x = x + _each(faded * draws.uniform(n, low=-20, high=60))
    grey = (x * torch.tensor(_LUMA, device=x.device)[None, :, None, None]).sum(1, keepdim=True)
    saturation = torch.where(draws.uniform(n) < 0.13, 0.0, saturation)
    return grey + (x - grey) * _each(saturation)


def _blur(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Blur three groups of 5 or 6 % of the faces by Gaussians, and 4 % as a moving camera does."""
    n = len(x)
    order = draws.order(n)
    x = x.clone()
    for number, share in enumerate((0.06, 0.06, 0.05, 0.04)):
        start = int(number * 0.07 * n)
        rows = order[start : start + int(share * n)]
        x[rows] = _blur_gaussian(x[rows], draws) if number < 3 else _blur_motion(x[rows], draws)
    return x


def _blur_gaussian(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    sigma = draws.number() * 2.2 * x.shape[-1] / 160 + 0.4
    radius = int(3 * sigma) + 1
    at = torch.arange(-radius, radius + 1, device=x.device, dtype=torch.float32)
    kernel = torch.exp(-((at / sigma) ** 2) / 2)
    kernel = (kernel / kernel.sum()).to(x.dtype)
    x = functional.pad(x, (radius, radius, radius, radius), mode="replicate")
    x = functional.conv2d(x, kernel.view(1, 1, 1, -1).repeat(3, 1, 1, 1), groups=3)
    return functional.conv2d(x, kernel.view(1, 1, -1, 1).repeat(3, 1, 1, 1), groups=3)


def _blur_motion(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    length = 3 + 2 * draws.integers(1, 6, 1)[0]
    angle = draws.number() * math.pi
    at = torch.arange(length, device=x.device) - length // 2
    across = torch.abs(at[None] * math.sin(angle) - at[:, None] * math.cos(angle))
    along = torch.hypot(at[None].float(), at[:, None].float())
    kernel = (1 - across).clamp(0) * (along <= length / 2)
    kernel = (kernel / kernel.sum()).to(x.dtype)
    x = functional.pad(x, (length // 2,) * 4, mode="replicate")
    return functional.conv2d(x, kernel.view(1, 1, length, length).repeat(3, 1, 1, 1), groups=3)


def _shrink(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Shrink five groups of 5 % of the faces to 14 to 64 % of their size, and enlarge them again."""
    n, image_size = len(x), x.shape[-1]
    order = draws.order(n)
    x = x.clone()
    group = int(0.05 * n)
    for number in range(5):
        rows = order[number * group : (number + 1) * group]
        size = int(image_size * (0.14 + 0.5 * draws.number()))
        small = functional.interpolate(
            x[rows], (size, size), mode="bilinear", antialias=True, align_corners=False
        )
        mode = ("bilinear", "bicubic")[number % 2]
        x[rows] = functional.interpolate(small, (image_size, image_size), mode=mode, align_corners=False).to(
            x.dtype
        )
    return x


def _compress(x: torch.Tensor, draws: Draws, share: float = 0.3) -> torch.Tensor:
    """What JPEG with 4:2:0 leaves of a share of the faces, at qualities from 8 to 80, blocks at a random place."""
    n, image_size = len(x), x.shape[-1]
    rows = draws.order(n)[: int(share * n)]
    pad = (-image_size) % 16 + 16
    dy, dx = draws.integers(0, 16, 2)
    padded = functional.pad(x[rows].clamp(0, 255), (dx, pad - dx, dy, pad - dy), mode="replicate")
    r, g, b = padded.unbind(1)
    y = _LUMA[0] * r + _LUMA[1] * g + _LUMA[2] * b
    chroma = functional.avg_pool2d(torch.stack([0.564 * (b - y), 0.713 * (r - y)], 1), 2)
    quality = draws.uniform(len(rows), low=8, high=80)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    y = _quantize(y - 128, _JPEG_LUMA.to(x.device), scale) + 128
    both = _quantize(chroma.flatten(0, 1), _JPEG_CHROMA.to(x.device), scale.repeat_interleave(2))
    both = both.view(chroma.shape)
    cb, cr = functional.interpolate(both, scale_factor=2, mode="bilinear", align_corners=False).unbind(1)
    back = torch.stack([y + 1.403 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.773 * cb], 1)
    x = x.clone()
    x[rows] = back[:, :, dy : dy + image_size, dx : dx + image_size].to(x.dtype)
    return x


def _quantize(plane: torch.Tensor, table: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Round the cosine coefficients of blocks of 8 x 8, as JPEG does; (faces, height, width)."""
    n, height, width = plane.shape
    basis = _cosines(plane.device)
    blocks = plane.view(n, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4)
    steps = (table[None] * scale[:, None, None]).clamp(1, 255)[:, None, None]
    coefficients = torch.round((basis @ blocks @ basis.T) / steps) * steps
    return (basis.T @ coefficients @ basis).permute(0, 1, 3, 2, 4).reshape(n, height, width)


def _cosines(device: torch.device) -> torch.Tensor:
    k = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) * math.sqrt(2 / 8)
    basis[0] /= math.sqrt(2)
    return basis
