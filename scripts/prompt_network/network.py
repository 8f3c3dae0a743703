"""The network: a small U-Net that reads an image, prompts and the last mask, and gives log-odds of the object.

Channels in, in this order: image (0 to 1), positive prompts, negative prompts, last mask (probability), box (1 inside).
The first step folds each 2 x 2 (x 2) block into channels, so that the convolutions work at half the resolution; the
last one unfolds them again.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

CHANNELS = 5
WIDTHS = {2: (32, 64, 88, 96), 3: (24, 40, 48, 48)}


def _layers(dims: int) -> tuple[type[nn.Module], type[nn.Module]]:
    return (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv3d, nn.BatchNorm3d)


class Block(nn.Module):
    """Two convolutions with a short cut."""

    def __init__(self, dims: int, width: int) -> None:
        super().__init__()
        conv, norm = _layers(dims)
        self.first = nn.Sequential(conv(width, width, 3, padding=1, bias=False), norm(width), nn.ReLU())
        self.second = nn.Sequential(conv(width, width, 3, padding=1, bias=False), norm(width))
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x + self.second(self.first(x)))


def _joint(dims: int, before: int, width: int, size: int, stride: int = 1) -> nn.Module:
    conv, norm = _layers(dims)
    return nn.Sequential(
        conv(before, width, size, stride=stride, padding=size // 2, bias=False), norm(width), nn.ReLU()
    )


def fold(x: Tensor) -> Tensor:
    """(B, C, 2a, 2b[, 2c]) -> (B, C * 2**dims, a, b[, c])."""
    if x.ndim == 4:
        return nn.functional.pixel_unshuffle(x, 2)
    b, c, d, h, w = x.shape
    x = x.view(b, c, d // 2, 2, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return x.reshape(b, c * 8, d // 2, h // 2, w // 2)


def unfold(x: Tensor) -> Tensor:
    """The inverse of `fold`."""
    if x.ndim == 4:
        return nn.functional.pixel_shuffle(x, 2)
    b, c, d, h, w = x.shape
    x = x.view(b, c // 8, 2, 2, 2, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(b, c // 8, d * 2, h * 2, w * 2)


class PromptNet(nn.Module):
    """Log-odds (B, 1, ...) from (B, 5, ...); sides are multiples of 16."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        widths, conv = WIDTHS[dims], _layers(dims)[0]
        self.stem = _joint(dims, CHANNELS * 2**dims, widths[0], 3)
        self.down = nn.ModuleList(_joint(dims, a, b, 3, 2) for a, b in itertools.pairwise(widths))
        self.coding = nn.ModuleList(Block(dims, w) for w in widths)
        self.deep = Block(dims, widths[-1])
        self.up = nn.ModuleList(_joint(dims, b, a, 1) for a, b in itertools.pairwise(widths))
        self.decoding = nn.ModuleList(Block(dims, w) for w in widths[:-1])
        self.out = conv(widths[0], 8 * 2**dims, 1)
        self.fine = conv(8 + 2, 8, 3, padding=1)
        self.head = conv(8, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        level = self.stem(fold(x))
        skips = []
        for i, code in enumerate(self.coding):
            level = code(self.down[i - 1](level) if i else level)
            skips.append(level)
        level = self.deep(level)
        # A summary of the whole image is added at every position.
        level = level + level.mean(dim=tuple(range(2, level.ndim)), keepdim=True)
        for i in reversed(range(len(self.up))):
            level = nn.functional.interpolate(self.up[i](level), scale_factor=2.0, mode="nearest")
            level = self.decoding[i](level + skips[i])
        sharp = torch.cat([unfold(self.out(level)), x[:, 0:1], x[:, 3:4]], 1)
        return self.head(torch.relu(self.fine(sharp)))
