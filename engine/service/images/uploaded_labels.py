"""Label maps that come as files in a form."""

from __future__ import annotations

import tempfile
from pathlib import Path

from starlette.datastructures import UploadFile

from maskwright.engine.io import read_labels
from maskwright.engine.service.budget.reading import read_within_budget
from maskwright.engine.service.images.redact import redact_paths
from maskwright.engine.volume import LabelMap
from maskwright.errors import InputError

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".dcm", ".png", ".tif", ".tiff")


def read_uploaded_labels(file: UploadFile) -> LabelMap:
    """Return the labels of an uploaded file; its name says the format, and nothing else of it is used.

    Raises
    ------
    InputError, FileFormatError, LabelError
        The name ends otherwise, or the file cannot be read as labels.
    CapacityError
        There is no memory for them now.
    """
    name = (file.filename or "").lower()
    suffix = next((s for s in SUFFIXES if name.endswith(s)), "")
    if not suffix:
        raise InputError(f"the file's name does not say its format; expected one that ends in {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"labels{suffix}"
        with path.open("wb") as out:
            while part := file.file.read(1 << 20):
                out.write(part)
        with redact_paths(path, "the file"):
            return read_within_budget(path, read_labels)
