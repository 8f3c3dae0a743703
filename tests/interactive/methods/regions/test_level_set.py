"""The best level set costs least among all of its family, by the cost written out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.interactive.methods.features import Sight
from maskwright.interactive.methods.regions.level_set import (
    BASE_BORDER,
    LEVELS,
    SMALL_BALL,
    Proposal,
    Wanted,
    best_level,
)
from reference import level as reference


@st.composite
def families(draw):
    """A distance with few values, so that levels are exact, in a domain; weights; and what is wanted."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    spacing = draw(st.sampled_from([(1.0, 1.0), (2.0, 0.5), (3.0, 1.0, 1.5)]))
    shape = tuple(rng.integers(2, 6, len(spacing)))
    domain = rng.random(shape) < 0.8
    domain.reshape(-1)[0] = True
    distance = (min(spacing) * 2.0 ** rng.integers(0, 6, shape)).astype(np.float32)
    distance[rng.random(shape) < 0.1] = np.inf
    distance.reshape(-1)[0] = 0
    weights = tuple(rng.random(shape).astype(np.float32) for _ in spacing)
    size = draw(st.sampled_from([None, 3.0, 20.0]))
    wanted = Wanted(
        size=size,
        strictness_below=0.25,
        smallness=draw(st.sampled_from([0.0, 3.0])),
        middle=tuple(rng.random(len(shape)) * shape) if draw(st.booleans()) else None,
        centredness=1.0,
        proposal=Proposal(*(rng.random((2, *shape)) < 0.5)) if draw(st.booleans()) else None,
        trust=2.0,
    )
    return distance, domain, Sight(distance, weights, ((0.3, 1.0),) * len(spacing), spacing), wanted


@settings(deadline=None)  # the first calls compile
@given(families())
def test_no_other_level_costs_less(case):
    distance, domain, sight, wanted = case
    found = best_level(distance, domain, sight, wanted)

    def cost(region):
        return reference.cost(region, domain, sight, wanted, BASE_BORDER, SMALL_BALL)

    reached = domain & np.isfinite(distance)
    family = [
        reached & (distance <= max(top, sight.unit_mm)) for top in np.unique(distance[reached])
    ]  # one unit at once
    assert any((found == region).all() for region in family)
    assert cost(found) <= min(cost(region) for region in family) + 1e-6


def test_size_bounds_hold_where_they_can():
    distance = np.arange(20, dtype=np.float32)[None] + 1
    sight = Sight(distance, (np.ones_like(distance),) * 2, ((0.3, 0.3),) * 2, (1.0, 1.0))
    domain = np.ones(distance.shape, bool)
    assert best_level(distance, domain, sight, Wanted(least=8, most=11)).sum() in range(8, 12)
    assert best_level(distance, domain, sight, Wanted(least=100)).sum() == 20
    assert best_level(np.full_like(distance, np.inf), domain, sight, Wanted()).sum() == 0
    assert LEVELS > 100
