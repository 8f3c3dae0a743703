"""Leases of sessions of any size, with a clock of their own."""

import asyncio

import numpy as np

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.interactive.image import Image

ME = "me"
IMAGE = Image.of(np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6), (1.0, 1.0, 1.0))
VOXELS = 4 * 5 * 6


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Sized(ServiceSession):
    """A session of any size."""

    size, image = 0, None

    @property
    def own_bytes(self):
        return self.size

    @property
    def array(self):
        return self.image


def leases_of(make=Sized, budget=None, recovery=None, **policy):
    clock = Clock()
    chosen = {"sessions": 3, "idle_s": 100.0, "silent_s": 30.0, **policy}
    budget = Budget(1000, clock) if budget is None else budget
    return Leases(make, LeasePolicy(**chosen), budget, SessionQueues(), recovery, clock), clock


def use(pool, token, work=lambda lease: None, owner=ME):
    return asyncio.run(pool.work(token, owner, work))


def grow(lease, size):
    lease.session.size = size


def act(pool, token, size=None):
    use(pool, token, lambda lease: size is None or grow(lease, size))


def heartbeat(pool, token, owner=ME):
    return asyncio.run(pool.heartbeat(token, owner))


def opened(lease):
    if lease.session.header is None:
        lease.session.open(IMAGE, {})
    lease.session.assist.add_object()
