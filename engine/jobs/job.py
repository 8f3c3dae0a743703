"""Job: the contract of one kind of work over many cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from maskwright.engine.jobs.executors.executor import Executor

if TYPE_CHECKING:  # a worker process does without it
    import polars as pl

Cell = str | int | float | None
Row = Mapping[str, Cell]


class NamedCase(Protocol):
    """A case: a record that can be pickled."""

    @property
    def name(self) -> str:
        """The name of the case; each occurs once in a job."""
        ...


C = TypeVar("C", bound=NamedCase)
Output_co = TypeVar("Output_co", covariant=True)


@dataclass(frozen=True, eq=False)
class JobResults:
    """The rows and the failures of all cases of a job.

    Attributes
    ----------
    table : polars.DataFrame
        The rows of every case that was run, now or by an earlier run, in no particular order of cases. The columns are
        ``case``, those of the job's ``column_types``, and all others that any row has.
    failures : dict of str to str
        The reason of each failed case by its name, in the order of the cases.
    resumed : int
        How many of the cases were run by an earlier run.
    """

    table: pl.DataFrame
    failures: dict[str, str]
    resumed: int


class Job(Protocol[C, Output_co]):
    """One kind of work over many cases; a frozen dataclass that can be pickled, since worker processes get a copy."""

    @property
    def column_types(self) -> Mapping[str, type]:
        """The types of the columns of the rows that do not hold floats.

        They are stated rather than inferred, so that the tables of all cases fit together.
        """
        ...

    def cases(self) -> Sequence[C]:
        """Return the cases, in the order of the results."""
        ...

    def key(self, case: C) -> Mapping[str, object]:
        """Return everything that the rows of a case depend on, as values for JSON: digests of its files, options.

        The name of the case and the version of the code are added by ``run_job``. Called in a worker process.
        """
        ...

    def run(self, case: C) -> Sequence[Row]:
        """Return the rows of a case, at least one: a pure function, called in a worker process.

        The column ``case`` is added by ``run_job``. An error that is raised here becomes the reason of a failed case,
        and the other cases go on.
        """
        ...

    def finish(self, results: JobResults, folder: Path, executor: Executor) -> Output_co:
        """Write the outputs into the folder of the run and return the result of ``run_job``.

        The executor is still open: use it for work on chosen cases, such as pictures.
        """
        ...
