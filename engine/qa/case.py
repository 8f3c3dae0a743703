"""One case: a pure function from a pair of files to the rows of its labels. It never raises."""

from __future__ import annotations

from dataclasses import dataclass, replace

from maskwright.engine.qa.manifest import Case
from maskwright.engine.qa.reason import reason_of
from maskwright.engine.qa.settings import Settings
from maskwright.engine.storage import content_digest, settings_digest
from maskwright.errors import GeometryError

CellValue = str | int | float | None


@dataclass(frozen=True)
class CaseTask:
    """A case to measure, and the resume keys under which results of it are kept already."""

    case: Case
    settings: Settings
    version: str
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CaseOutcome:
    """What became of a case: measured (rows), kept from an earlier run (neither), or failed (a reason).

    Attributes
    ----------
    key : str or None
        The resume key; None where the files could not be read.
    rows : tuple of dict
        One a label that either mask holds or the preset names; one without a label where there is none.
    reason : str or None
        Why the case failed, in one line.
    """

    key: str | None
    rows: tuple[dict[str, CellValue], ...] = ()
    reason: str | None = None


def measure_case(task: CaseTask) -> CaseOutcome:
    """Measure one case, unless a result under its resume key is kept already."""
    try:
        key = resume_key(task.case, task.settings, task.version)
        if key in task.kept:
            return CaseOutcome(key)
        return CaseOutcome(key, _rows(task.case, task.settings))
    except Exception as error:  # a failed case is a row of the result, whatever went wrong
        return CaseOutcome(None, reason=reason_of(error))


def resume_key(case: Case, settings: Settings, version: str) -> str:
    """Return the digest of everything the result of a case depends on: files, settings and version."""
    return settings_digest(
        {
            "case": case.name,
            "reference": content_digest(case.reference),
            "prediction": content_digest(case.prediction),
            "spacing_mm": case.spacing_mm,
            "settings": settings.content(),
            "version": version,
        }
    )


def _rows(case: Case, settings: Settings) -> tuple[dict[str, CellValue], ...]:
    from maskwright.engine.io import read_labels
    from maskwright.engine.metrics.compare import compare

    reference = read_labels(case.reference, spacing_mm=case.spacing_mm)
    prediction = read_labels(case.prediction, spacing_mm=case.spacing_mm)
    if reference.spacing_mm is None:
        raise GeometryError(f"{case.reference}: the spacing is not known: give it in a spacing_mm column, as z,y,x")
    comparison = compare(
        reference,
        prediction,
        options=replace(settings.metrics, preset=settings.preset, resample=settings.resample),
    )
    spacing = ",".join(f"{step:g}" for step in comparison.spacing_mm)
    left_out = comparison.left_out["voxels_outside_grid"]
    shared: dict[str, CellValue] = {"case": case.name, "spacing_mm": spacing, "voxels_left_out": left_out}
    rows = [
        {
            **shared,
            "label": label,
            "status": found.status,
            "reference_voxels": found.reference_voxels,
            "prediction_voxels": found.prediction_voxels,
            **found.values,
        }
        for label, found in comparison.labels.items()
    ]
    return tuple(rows or [{**shared, "label": None, "status": "absent", "reference_voxels": 0, "prediction_voxels": 0}])
