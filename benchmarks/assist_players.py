"""Contestants by name: sessions with any of our methods, a method by itself on the whole image, and peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from assist_peers import FLAT_ONLY, PEERS
from assist_play import Mask, PeerPlayer, Player
from assist_sets import Target

from maskwright.interactive.image import Image
from maskwright.interactive.methods.registry import METHODS, load_method

DEFAULT = "maskwright"


def make_player(name: str) -> Player:
    """Return a player: ``maskwright`` is the default session, ``maskwright-geodesic`` a session with that method,
    ``geodesic`` the method alone on the whole image; anything else is a peer.
    """
    if name == DEFAULT:
        return SessionPlayer(None)
    if name.removeprefix(f"{DEFAULT}-") in METHODS and name.startswith(DEFAULT):
        return SessionPlayer(name.removeprefix(f"{DEFAULT}-"))
    if name in METHODS:
        return MethodPlayer(load_method(name))
    return PeerPlayer(PEERS[name])


def fits(name: str, target: Target) -> bool:
    """Return whether a contestant works on images of this dimension."""
    return target.image.ndim == 2 or name not in FLAT_ONLY


@dataclass
class SessionPlayer:
    """An ``AssistSession``, as a front-end uses it; a new one for each image."""

    method: Any
    session: Any = None

    def begin(self, target: Target) -> None:
        from maskwright.interactive.sessions.session import AssistSession

        self.session = AssistSession() if self.method is None else AssistSession(self.method)
        self.session.set_image(target.image, target.spacing_mm)

    def click(self, index: tuple[int, ...], positive: bool) -> Mask:
        mask: Mask = self.session.add_point(index, positive=positive).mask
        return mask

    def scribble(self, stroke: Mask, positive: bool) -> Mask:
        mask: Mask = self.session.add_scribble(stroke, positive=positive).mask
        return mask


@dataclass
class MethodPlayer:
    """A method on the whole image, with no session around it: for tuning it."""

    method: Any
    segmenter: Any = None
    target: Target | None = None
    prompts: tuple[Mask, Mask] | None = None
    previous: Mask | None = None
    count: int = 0
    intensity_range: tuple[float, float] = (0.0, 1.0)

    def begin(self, target: Target) -> None:
        self.target, self.previous, self.count = target, None, 0
        self.prompts = np.zeros(target.reference.shape, bool), np.zeros(target.reference.shape, bool)
        self.segmenter = self.method.open(Image.of(target.image, target.spacing_mm))
        low, high = np.percentile(target.image, (0.5, 99.5))
        self.intensity_range = float(low), float(high)

    def click(self, index: tuple[int, ...], positive: bool) -> Mask:
        stroke = np.zeros_like(self.target.reference)  # type: ignore[union-attr]
        stroke[index] = True
        return self.scribble(stroke, positive)

    def scribble(self, stroke: Mask, positive: bool) -> Mask:
        from maskwright.interactive.methods.task import Task

        assert self.target is not None
        assert self.prompts is not None
        inside, outside = self.prompts if positive else self.prompts[::-1]
        inside |= stroke
        outside &= ~stroke
        self.count += 1
        task = Task(
            image=self.target.image,
            color=False,
            intensity_range=self.intensity_range,
            spacing_mm=self.target.spacing_mm,
            positive=self.prompts[0].copy(),
            negative=self.prompts[1].copy(),
            box=None,
            previous=self.previous,
            newest=stroke,
            newest_positive=positive,
            prompt_count=self.count,
        )
        self.previous = self.segmenter.segment(task)
        return self.previous
