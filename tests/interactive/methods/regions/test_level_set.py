"""The best level set costs least among all of its family, by the cost written out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.interactive.methods.features import Features
from maskwright.interactive.methods.regions.level_set import (
    BASE_BORDER,
    LEVELS,
    SMALL_BALL,
    ExtentPrior,
    RegionPrior,
    best_level_set,
)
from reference import best_level_set as reference


@st.composite
def families(draw):
    """A distance with few values, so that levels are exact, in a domain; weights; and what is prior."""
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
    prior = RegionPrior(
        size=size,
        strictness_below=0.25,
        smallness=draw(st.sampled_from([0.0, 3.0])),
        centre=tuple(rng.random(len(shape)) * shape) if draw(st.booleans()) else None,
        centre_weight=1.0,
        extent=ExtentPrior(*(rng.random((2, *shape)) < 0.5)) if draw(st.booleans()) else None,
        extent_weight=2.0,
    )
    return distance, domain, Features(distance, weights, ((0.3, 1.0),) * len(spacing), spacing), prior


@settings(deadline=None)  # the first calls compile
@given(families())
def test_no_other_level_costs_less(case):
    distance, domain, features, prior = case
    found = best_level_set(distance, domain, features, prior)

    def cost(region):
        return reference.cost(region, domain, features, prior, BASE_BORDER, SMALL_BALL)

    reached = domain & np.isfinite(distance)
    family = [
        reached & (distance <= max(top, features.unit_mm)) for top in np.unique(distance[reached])
    ]  # one unit at once
    assert any((found == region).all() for region in family)
    assert cost(found) <= min(cost(region) for region in family) + 1e-6


def test_size_bounds_hold_where_they_can():
    distance = np.arange(20, dtype=np.float32)[None] + 1
    features = Features(distance, (np.ones_like(distance),) * 2, ((0.3, 0.3),) * 2, (1.0, 1.0))
    domain = np.ones(distance.shape, bool)
    assert best_level_set(distance, domain, features, RegionPrior(least=8, most=11)).sum() in range(8, 12)
    assert best_level_set(distance, domain, features, RegionPrior(least=100)).sum() == 20
    assert best_level_set(np.full_like(distance, np.inf), domain, features, RegionPrior()).sum() == 0
    assert LEVELS > 100
