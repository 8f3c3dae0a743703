"""The manifest of a run: what two tags of a datastore hold, told by image ids and tags only."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from maskwright.engine.service.qa_runs.request import Asked
from maskwright.engine.service.storage import Datastore
from maskwright.engine.service.storage.names import check_tag
from maskwright.engine.storage import storing, write_synced
from maskwright.errors import InputError

MISSING = "missing"
"""A folder that is not there, in which labels that are not there are looked for."""

Pair = tuple[str, Path | None, Path | None]
"""An image id, and its labels under the two tags."""


def find_pairs(store: Datastore, asked: Asked) -> list[Pair]:
    """Return the images that have a label under at least one of the tags.

    Raises
    ------
    InputError
        A tag is none, or no image has a label under both: nothing could be compared.
    """
    tags = check_tag(asked.reference_tag), check_tag(asked.prediction_tag)
    pairs: list[Pair] = []
    for entry in store.images():
        labels = store.labels(entry.id)
        reference, prediction = (labels[tag].path if tag in labels else None for tag in tags)
        if reference is not None or prediction is not None:
            pairs.append((entry.id, reference, prediction))
    if not any(reference and prediction for _, reference, prediction in pairs):
        raise InputError("no image has a label under both tags: list the labels of the datastore")
    return pairs


def write_manifest(folder: Path, pairs: list[Pair], asked: Asked) -> Path:
    """Write the manifest into a run's folder and return its path; its name becomes the title of the report."""

    def cell(image: str, tag: str, label: Path | None) -> str:
        # Relative, so that the folder's own path, whatever it is called, stands in no row.
        return f"{MISSING}/{tag}/{image}" if label is None else os.path.relpath(label, folder)

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["case", "reference", "prediction"])
    for image, reference, prediction in pairs:
        cells = cell(image, asked.reference_tag, reference), cell(image, asked.prediction_tag, prediction)
        writer.writerow([image, *cells])
    path = folder / f"{asked.prediction_tag} against {asked.reference_tag}.csv"
    with storing():
        write_synced(path, text.getvalue().encode())
    return path
