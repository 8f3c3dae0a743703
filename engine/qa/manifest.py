"""The manifest: one row a case, with the reference, the prediction, and anything else known about it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maskwright.engine.metrics.columns import is_metric_column
from maskwright.engine.qa.columns import CASE_COLUMNS, LABEL_COLUMNS
from maskwright.engine.storage import content_digest
from maskwright.errors import FileFormatError, InputError

REQUIRED = ("case", "reference", "prediction")
OPTIONAL = ("patient", "spacing_mm", "image")
_RESULT_COLUMNS = {*CASE_COLUMNS, *LABEL_COLUMNS, "label_name", "reason"} - {*OPTIONAL}

Row = tuple[int, dict[str, str]]
"""A line number and the cells by column."""


@dataclass(frozen=True)
class Case:
    """One pair of masks.

    Attributes
    ----------
    name : str
        The ``case`` column; each name occurs once.
    reference, prediction : Path
        The two masks; a missing file fails the case when it runs.
    patient : str or None
        Cases of one patient are resampled together for the intervals.
    spacing_mm : tuple of float, optional
        In (z, y, x) order, for files that do not carry a spacing.
    image : Path or None
        The image the masks were drawn on, shown behind the contours of the worst cases.
    metadata : dict of str to str
        The remaining columns.
    """

    name: str
    reference: Path
    prediction: Path
    patient: str | None
    spacing_mm: tuple[float, ...] | None
    image: Path | None
    metadata: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """The cases of a manifest file, the names of its metadata columns, and the digest of its content."""

    path: Path
    cases: tuple[Case, ...]
    metadata_columns: tuple[str, ...]
    fingerprint: str


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest from CSV (UTF-8, comma) or, by its suffix, Parquet.

    Relative paths in it start at the manifest's own folder. Empty lines are skipped.

    Raises
    ------
    FileFormatError
        Not there, or not a table.
    InputError
        A missing or doubled column, a line with too many cells, an empty cell where one is needed, a bad spacing, a
        case that occurs twice, or no case at all; each with its line number.
    """
    path = Path(path)
    try:
        header, rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
        fingerprint = content_digest(path)
    except OSError as error:
        raise FileFormatError(f"cannot read the manifest {path}: {error.strerror or error}") from error
    _check_header(header, path)
    metadata = tuple(name for name in header if name not in REQUIRED + OPTIONAL)
    cases: list[Case] = []
    lines: dict[str, int] = {}
    for line, cells in rows:
        case = _case(cells, metadata, path.parent.absolute(), f"{path}, line {line}")
        if case.name in lines:
            raise InputError(f"{path}, line {line}: case {case.name!r} is already on line {lines[case.name]}")
        lines[case.name] = line
        cases.append(case)
    if not cases:
        raise InputError(f"{path}: the manifest has no cases")
    return Manifest(path, tuple(cases), metadata, fingerprint)


def _csv_rows(path: Path) -> tuple[list[str], list[Row]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            return header, list(_cells(reader, header, path))
    except UnicodeDecodeError as error:
        raise FileFormatError(f"the manifest {path} is not UTF-8 text: save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise FileFormatError(f"the manifest {path} is not valid CSV, line {reader.line_num}: {error}") from error


def _cells(reader: csv._reader, header: list[str], path: Path) -> Iterator[Row]:  # type: ignore[name-defined]
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {reader.line_num}: {len(cells)} cells, but the header has {len(header)}; a cell "
                'that holds a comma needs quotes, such as "2.0,1.0,1.0"'
            )
        yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells)}


def _parquet_rows(path: Path) -> tuple[list[str], list[Row]]:
    import polars as pl

    try:
        table = pl.read_parquet(path)
        texts = table.select(pl.all().cast(pl.String).fill_null("").str.strip_chars())
    except pl.exceptions.PolarsError as error:
        raise FileFormatError(f"the manifest {path} is not a readable Parquet table of plain columns") from error
    return table.columns, list(enumerate(texts.iter_rows(named=True), start=1))


def _check_header(header: list[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        columns = ", ".join(header) or "nothing"
        raise InputError(f"{path}, line 1: no column {missing[0]!r}; needed are {', '.join(REQUIRED)}; found {columns}")
    for name in header:
        if not name:
            raise InputError(f"{path}, line 1: a column has no name")
        if header.count(name) > 1:
            raise InputError(f"{path}, line 1: two columns are called {name!r}")
        if name in _RESULT_COLUMNS or is_metric_column(name):
            raise InputError(f"{path}, line 1: {name!r} is a column of the results: give the metadata another name")


def _case(cells: dict[str, str], metadata: tuple[str, ...], folder: Path, where: str) -> Case:
    for name in REQUIRED:
        if not cells[name]:
            raise InputError(f"{where}: the cell in column {name!r} is empty")
    image = cells.get("image")
    return Case(
        name=cells["case"],
        reference=folder / cells["reference"],
        prediction=folder / cells["prediction"],
        patient=cells.get("patient") or None,
        spacing_mm=_spacing(cells.get("spacing_mm", ""), where),
        image=folder / image if image else None,
        metadata={name: cells[name] for name in metadata},
    )


def _spacing(text: str, where: str) -> tuple[float, ...] | None:
    if not text:
        return None
    try:
        spacing = tuple(float(part) for part in text.split(","))
    except ValueError:
        spacing = ()
    if len(spacing) not in (2, 3) or not all(0 < step < float("inf") for step in spacing):
        raise InputError(f'{where}: spacing_mm is {text!r}, expected positive numbers in mm as "z,y,x" or "y,x"')
    return spacing
