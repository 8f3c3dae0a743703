"""Summaries of the results by metadata column, such as reader, site or scanner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from maskwright.engine.agreement.summary import LabelSummary, summarise

MOST_VALUES = 20
"""A column with more different values is no grouping."""

MOST_ROWS = 240
"""Rows of one table; the number of rows left out is stated."""

NOT_GIVEN = "(not given)"


@dataclass(frozen=True)
class GroupRow:
    """One label within one value of a metadata column."""

    value: str
    label: LabelSummary


@dataclass(frozen=True)
class GroupTable:
    """All labels by one metadata column.

    Attributes
    ----------
    column : str
        The metadata column.
    values : int
        How many different values it has.
    rows : tuple of GroupRow
        By label, then value; empty where the column has a single value or more than ``MOST_VALUES``.
    left_out : int
        Rows beyond ``MOST_ROWS``.
    """

    column: str
    values: int
    rows: tuple[GroupRow, ...]
    left_out: int = 0


def group_tables(
    results: pl.DataFrame, metadata_columns: Sequence[str], metric_columns: Sequence[str], *, penalty: bool
) -> list[GroupTable]:
    """Summarise the results within each value of each metadata column."""
    return [_table(results, column, metric_columns, penalty=penalty) for column in metadata_columns]


def _table(results: pl.DataFrame, column: str, metric_columns: Sequence[str], *, penalty: bool) -> GroupTable:
    filled = results.with_columns(pl.col(column).fill_null(NOT_GIVEN))
    values = filled[column].unique().sort().to_list()
    if not 2 <= len(values) <= MOST_VALUES:
        return GroupTable(column, len(values), ())
    rows = [
        GroupRow(value, label)
        for value in values
        for label in summarise(filled.filter(pl.col(column) == value), metric_columns, penalty=penalty).labels
    ]
    order = {
        label: position for position, label in enumerate(results["label"].drop_nulls().unique(maintain_order=True))
    }
    rows.sort(key=lambda row: order[row.label.label])
    return GroupTable(column, len(values), tuple(rows[:MOST_ROWS]), max(0, len(rows) - MOST_ROWS))
