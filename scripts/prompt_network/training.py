"""Training: a stream of slots, each an annotator at work. A step trains on all slots, whatever click they are at."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from prompt_network.network import CHANNELS, PromptNet
from prompt_network.prompting import first_prompt, next_prompt
from prompt_network.scenes import VERSION, Scenes, make_scenes
from prompt_network.views import View, draw_view

BATCH = {2: 32, 3: 8}
SCENE_SIDE = {2: 192, 3: 72}
SHARD = {2: 96, 3: 8}
STEPS_A_SHARD = {2: 40, 3: 16}
KEPT = {2: 40, 3: 100}
RATE = 2e-3
LAST_CLICK = 12


def _shard(seed: int, number: int, dims: int) -> Scenes:
    torch.set_num_threads(1)
    return make_scenes((seed, VERSION, number), SHARD[dims], SCENE_SIDE[dims], dims)


def shards(seed: int, first: int, dims: int) -> Iterator[Scenes]:
    """Scenes from `first` on, made ahead in a process of their own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        ahead = deque(pool.submit(_shard, seed, first + i, dims) for i in range(2))
        while True:
            yield ahead.popleft().result()
            first += 1
            ahead.append(pool.submit(_shard, seed, first + 1, dims))


class Slot:
    """One simulated annotator: a view, its prompts so far, and the last mask."""

    def __init__(self, view: View, pick: np.random.Generator) -> None:
        self.view, self.count = view, 1
        self.channels = np.zeros((CHANNELS, *view.image.shape), np.float32)
        self.channels[0] = view.image
        first_prompt(self.channels, view.target, pick)

    def answer(self, probability: NDArray[np.float32], pick: np.random.Generator) -> bool:
        """Prompt the largest error of the prediction; False where the view is finished."""
        self.count += 1
        if self.count > LAST_CLICK or pick.random() < 0.2:
            return False
        mask = probability > 0.5
        if not next_prompt(self.channels, self.view.target, mask, pick):
            return False
        # At use the last mask comes back refined, or there is none.
        kind = pick.random()
        self.channels[3] = probability if kind < 0.35 else mask if kind < 0.92 else 0
        return True


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus one minus soft Dice, a case."""
    cross = F.binary_cross_entropy_with_logits(logits, target)
    p, axes = torch.sigmoid(logits), tuple(range(1, logits.ndim))
    dice = (2 * (p * target).sum(axes) + 1) / (p.sum(axes) + target.sum(axes) + 1)
    return cross + (1 - dice).mean()


def new_slot(pool: deque[Scenes], pick: np.random.Generator) -> Slot:
    """A slot on a random scene of the pool."""
    while True:
        scenes = pool[pick.integers(len(pool))]
        view = draw_view(scenes, int(pick.integers(len(scenes.image))), pick)
        if view is not None:
            return Slot(view, pick)


def learning_rate(elapsed_h: float, hours: float, decay_hours: float) -> float:
    warm = min(1.0, elapsed_h / 0.02)
    return RATE * warm * float(np.clip((hours - elapsed_h) / decay_hours, 0.0, 1.0))


def train(dims: int, out: Path, seed: int, hours: float, decay_hours: float, threads: int) -> None:
    """Train for `hours`, going on from the checkpoint in `out` if there is one."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"prompt_{dims}d.pt"
    net = PromptNet(dims).to(memory_format=torch.channels_last if dims == 2 else torch.channels_last_3d)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.996), use_buffers=True
    )
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-3)
    step, before_h = 0, 0.0
    if path.exists():
        state = torch.load(path, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, before_h = state["step"], state["hours"]
    pick = np.random.default_rng((seed, step))
    source = shards(seed, step // STEPS_A_SHARD[dims], dims)
    pool: deque[Scenes] = deque([next(source)], maxlen=KEPT[dims])
    slots = [new_slot(pool, pick) for _ in range(BATCH[dims])]
    start, seen = time.monotonic(), []
    while (elapsed := (time.monotonic() - start) / 3600) < hours:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(elapsed, hours, decay_hours)
        x = torch.from_numpy(np.stack([s.channels for s in slots]))
        target = torch.from_numpy(np.stack([s.view.target for s in slots])[:, None]).float()
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(x)
        logits = logits.float()
        loss = loss_of(logits, target)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(net)
        probability = torch.sigmoid(logits.detach())[:, 0].numpy()
        for i, slot in enumerate(slots):
            a, b = probability[i] > 0.5, slot.view.target
            seen.append((slot.count, 2 * (a & b).sum() / max(1, a.sum() + b.sum())))
            if not slot.answer(probability[i], pick):
                slots[i] = new_slot(pool, pick)
        step += 1
        if step % STEPS_A_SHARD[dims] == 0:
            pool.append(next(source))
        if step % 200 == 0:
            _log(out, dims, step, before_h + elapsed, float(loss.detach()), seen)
            seen = []
            _save(path, net, average, optimiser, step, before_h + elapsed, seed)
    _save(path, net, average, optimiser, step, before_h + hours, seed)


def _log(out: Path, dims: int, step: int, hours: float, loss: float, seen: list[tuple[int, float]]) -> None:
    by_click = {
        k: round(float(np.mean([d for c, d in seen if c == k])), 3)
        for k in (1, 2, 3, 5, 10)
        if any(c == k for c, _ in seen)
    }
    line = {"step": step, "hours": round(hours, 3), "loss": round(loss, 3), "dice_by_prompt": by_click}
    with (out / f"prompt_{dims}d.log").open("a") as log:
        log.write(json.dumps(line) + "\n")


def _save(
    path: Path,
    net: torch.nn.Module,
    average: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    hours: float,
    seed: int,
) -> None:
    state = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "hours": hours,
        "seed": seed,
        "generator": VERSION,
    }
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
