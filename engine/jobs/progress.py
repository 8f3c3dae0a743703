"""Show progress on standard error: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from maskwright.engine.jobs.record import Progress, RunRecord

_LINE_EVERY_S = 10.0


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Yield the function to call with each ``RunRecord``."""
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"))
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("cases", total=None, failed="")

        def update(record: RunRecord) -> None:
            failed = f"{record.failed} failed" if record.failed else ""
            bar.update(task, completed=record.done, total=record.total, failed=failed)

        yield update


def _plain_lines() -> Progress:
    last = time.monotonic()
    first_done: float | None = None  # the first case waits for the kernels to load

    def update(record: RunRecord) -> None:
        nonlocal last, first_done
        now, done, total = time.monotonic(), record.done, record.total
        if done == 1:
            first_done = now
        if done < total and now - last < _LINE_EVERY_S:
            return
        last = now
        left = ""
        if first_done is not None and 1 < done < total:
            left = f", about {duration_text((now - first_done) / (done - 1) * (total - done))} left"
        print(f"{done} of {total} cases, {record.failed} failed{left}", file=sys.stderr, flush=True)

    return update


def duration_text(seconds: float) -> str:
    """Return a duration for a reader.

    Examples
    --------
    >>> duration_text(42.4), duration_text(150), duration_text(7300)
    ('42 s', '2 min 30 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
