"""The clustered bootstrap against a plain one that writes every resample out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.engine.agreement.bootstrap import RESAMPLES, cluster_draws, cluster_interval

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


def plain(values: np.ndarray, draws: np.ndarray, statistic: str) -> tuple[float, float]:
    """Each case drawn as often as the row says, written out; the interval from the sorted statistics."""
    of = np.mean if statistic == "mean" else np.median
    resampled = sorted(float(of(np.repeat(values, row))) for row in draws)
    return resampled[round(0.025 * RESAMPLES) - 1], resampled[round(0.975 * RESAMPLES) - 1]


@settings(max_examples=20, deadline=None)
@given(VALUES, st.sampled_from(["mean", "median"]))
def test_one_case_a_patient_is_the_plain_bootstrap(numbers: list[float], statistic: str) -> None:
    values = np.array(numbers)
    interval = cluster_interval(values, np.arange(len(values)), statistic)
    assert interval == pytest.approx(plain(values, cluster_draws(len(values)), statistic), rel=1e-9, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3)), min_size=2, max_size=12), st.data())
def test_a_patient_brings_all_its_cases(pairs: list[tuple[float, int]], data: st.DataObject) -> None:
    values = np.array([value for value, _ in pairs])
    clusters = np.array([cluster for _, cluster in pairs])
    names, codes = np.unique(clusters, return_inverse=True)
    statistic = data.draw(st.sampled_from(["mean", "median"]))
    interval = cluster_interval(values, clusters, statistic)
    if len(names) < 2:
        assert interval is None
        return
    draws = cluster_draws(len(names))[:, codes]
    assert interval == pytest.approx(plain(values, draws, statistic), rel=1e-9, abs=1e-9)


def test_copies_of_a_case_within_its_patient_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(1).random(20)
    once = cluster_interval(values, np.arange(20), "mean")
    tenfold = cluster_interval(np.repeat(values, 10), np.repeat(np.arange(20), 10), "mean")
    assert tenfold == pytest.approx(once)


def test_the_median_keeps_infinities() -> None:
    interval = cluster_interval(np.array([1.0, 2.0, np.inf, np.inf]), np.arange(4), "median")
    assert interval is not None
    assert interval[0] < 3
    assert interval[1] == np.inf


def test_fewer_than_two_patients_have_no_interval() -> None:
    assert cluster_interval(np.array([]), np.array([], dtype=np.intp), "mean") is None
    assert cluster_interval(np.array([0.5, 0.7]), np.array([3, 3]), "mean") is None


def test_equal_values_have_a_point_as_interval() -> None:
    assert cluster_interval(np.full(5, 0.25), np.arange(5), "median") == (0.25, 0.25)


def test_each_row_of_draws_has_as_many_as_there_are_clusters() -> None:
    assert (cluster_draws(7).sum(axis=1) == 7).all()
    assert len(cluster_draws(7)) == RESAMPLES


def test_coverage_is_near_its_level() -> None:
    # 40 patients of 3 equal cases each; a bootstrap that forgot the patients would cover about 75 % only.
    generator = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        values = np.repeat(generator.normal(0, 1, 40), 3)
        interval = cluster_interval(values, np.repeat(np.arange(40), 3), "mean")
        assert interval is not None
        inside += interval[0] <= 0 <= interval[1]
    assert 0.88 <= inside / 200 <= 0.99
