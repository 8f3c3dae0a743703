"""``RESULTS.md`` out of rows: the goals, met or not, and every measured number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from goals import Goal, goals
from goals_assist import assist_goals
from goals_propagate import propagate_goals
from goals_service import service_goals
from rows import HERE, Row

INTRODUCTION = """# Benchmarks

Written by `make bench`; a part that is run alone replaces its own tables, so that tables may come from different runs.
Each table is one run of interleaved rounds: every contestant once a round, medians of the
rounds, both cores for all. Compiled code, imports and caches are warm before the clock starts. A peer that was
stopped after some labels is scaled to all and says so; each peer computes fewer metrics than ours does in the same
row. The last column says how far its numbers are from ours where the definitions are the same. `other-processes` is
the share of the cores that other processes used meanwhile: medians count for little where it is not small.
"""
MARKS = {True: "met", False: "**missed**", None: "-"}


def results_page(rows: Sequence[Row], machine: Mapping[str, str], command: str, cases: Mapping[str, str]) -> str:
    """Return the page as Markdown."""
    lines = [INTRODUCTION, f"Command: `{command}`", ""]
    lines += [f"- {key}: {value}" for key, value in machine.items()]
    lines += [
        "",
        "## Goals",
        "",
        *goal_table([*goals(rows), *assist_goals(rows), *propagate_goals(rows), *service_goals(rows)]),
        "",
        (HERE / "tried.md").read_text().strip(),
        "",
        "## Cases",
        "",
    ]
    lines += [f"- `{name}`: {what}" for name, what in cases.items()]
    lines += ["", "## Measured", ""]
    ordered = sorted(rows, key=lambda row: (row.bench, row.case))
    for (bench, case), group in groupby(ordered, key=lambda row: (row.bench, row.case)):
        lines += [f"### {bench}: {case}", "", *measured_table(list(group)), ""]
    return "\n".join(lines)


def goal_table(found: Sequence[Goal]) -> list[str]:
    """Return the goals as a table, and how many were met."""
    lines = ["| work | case | goal | measured | |", "|---|---|---|---|---|"]
    lines += [f"| {g.work} | {g.case} | {g.wanted} | {g.measured} | {MARKS[g.met]} |" for g in found]
    met = sum(goal.met is True for goal in found)
    return [*lines, "", f"{met} of {len(found)} met, {sum(goal.met is False for goal in found)} missed."]


def measured_table(rows: Sequence[Row]) -> list[str]:
    """Return the rows of one case; the ratio is the contestant's time over ours."""
    if len({row.contestant for row in rows}) < len(rows):
        return measure_table(rows)
    ours = next((row.value for row in rows if row.contestant.startswith("maskwright")), None)
    lines = ["| contestant | median | lowest to highest | runs | ratio to ours | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.value is None:
            lines.append(f"| {row.contestant} | failed | | | | {row.failed.replace('|', '/')} |")
            continue
        spread = "" if row.lowest is None else f"{row.lowest:.3g} to {row.highest:.3g}"
        ratio = f"{row.value / ours:.3g}" if ours and row.unit == "s" else ""
        lines.append(
            f"| {row.contestant} | {row.value:.4g} {row.unit} | {spread} | {row.runs} | {ratio} | {row.note} |"
        )
    return lines


def measure_table(rows: Sequence[Row]) -> list[str]:
    """Return a table of contestants by measures, where each has several, and who failed."""
    units = list(dict.fromkeys(row.unit for row in rows if row.value is not None))
    values = {(row.contestant, row.unit): row.value for row in rows}
    lines = ["| contestant | " + " | ".join(units) + " | note |", "|---" * (len(units) + 2) + "|"]
    for name in dict.fromkeys(row.contestant for row in rows):
        found = [values.get((name, unit)) for unit in units]
        cells = ["" if value is None else f"{value:.3g}" for value in found]
        note = next((row.failed or row.note for row in rows if row.contestant == name), "").replace("|", "/")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {note} |")
    return lines


def text_of_goals(found: Sequence[Goal]) -> str:
    """Return the goals that were measured as plain lines for a terminal."""
    found = [goal for goal in found if goal.met is not None]
    lines = [f"{MARKS[g.met].strip('*'):8} {g.case:8} {g.measured:>12} {g.wanted:>10}  {g.work}" for g in found]
    return "\n".join(lines)
