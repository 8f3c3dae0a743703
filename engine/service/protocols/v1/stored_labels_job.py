"""StoredLabelsJob: QA over the labels of two tags of a datastore, told by tags and image ids only."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from maskwright.engine.jobs.executors.executor import Executor
from maskwright.engine.jobs.job import JobResults
from maskwright.engine.metrics.options import CompareOptions
from maskwright.engine.qa.job import QaJob, QaResult
from maskwright.engine.qa.manifest import Case, Manifest
from maskwright.engine.service.storage import Datastore
from maskwright.engine.service.storage.names import check_tag
from maskwright.engine.storage import settings_digest
from maskwright.errors import InputError

MISSING = "missing"
"""The first part of the path of a label that is not stored."""


@dataclass(frozen=True)
class StoredLabelsJob(QaJob):
    """A ``QaJob`` whose outputs hold no path: where labels lie may name a patient."""

    def key(self, case: Case) -> dict[str, object]:
        """Return the key of a pair.

        Raises
        ------
        InputError
            One of the labels is not stored.
        """
        for path in (case.reference, case.prediction):
            if path.parts[0] == MISSING:
                raise InputError(f"no label is stored: {path.relative_to(MISSING)}")
        return super().key(case)

    def finish(self, results: JobResults, folder: Path, executor: Executor) -> QaResult:
        """Write the outputs; reasons of failed cases name tag and file of a label in place of its path."""
        cases = {case.name: case for case in self.cases()}
        failures = {name: _without_paths(reason, cases[name]) for name, reason in results.failures.items()}
        return super().finish(replace(results, failures=failures), folder, executor)


def stored_labels_job(
    store: Datastore, folder: Path, reference_tag: str, prediction_tag: str, options: CompareOptions
) -> StoredLabelsJob:
    """Return the job that compares the images of a datastore which have a label under at least one of two tags.

    Parameters
    ----------
    store : Datastore
        Its labels are compared as they are when the job runs.
    folder : Path
        The folder of the job's queue.
    reference_tag, prediction_tag : str
        The tags; a label that only one of them has fails its case.
    options : CompareOptions
        The definitions to measure under.

    Raises
    ------
    InputError
        A tag is malformed, or no image has a label under both.
    """
    tags = check_tag(reference_tag), check_tag(prediction_tag)
    cases = []
    has_pair = False
    for entry in store.images():
        labels = store.labels(entry.id)
        paths = [labels[tag].path if tag in labels else None for tag in tags]
        if any(paths):
            has_pair = has_pair or all(paths)
            shown = [_from_run(folder, path) or Path(MISSING, tag, entry.id) for tag, path in zip(tags, paths)]
            cases.append(Case(entry.id, shown[0], shown[1], None, None, None, {}))
    if not has_pair:
        raise InputError("no image has a label under both tags: list the labels of the datastore")
    pairs = [[case.name, str(case.reference), str(case.prediction)] for case in cases]
    manifest = Manifest(Path(f"{tags[1]} against {tags[0]}.csv"), tuple(cases), (), settings_digest({"pairs": pairs}))
    return StoredLabelsJob(manifest, options)


def _from_run(folder: Path, path: Path | None) -> Path | None:
    """Return a path as the process of a run sees it, so that no error tells where the data folder lies."""
    return None if path is None else Path(os.path.relpath(path.parent.resolve() / path.name, folder / "run"))


def _without_paths(reason: str, case: Case) -> str:
    """Return a reason with tag and file of a label in place of its path; the folder of a label is its tag."""
    for path in (case.reference, case.prediction):
        for spelling in (str(path), " ".join(str(path).split())):
            reason = reason.replace(spelling, f"{path.parent.name}/{path.name}")
    return reason
