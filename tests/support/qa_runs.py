"""A data folder to run QA over, and what a client sees of a run."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import maskwright as mw
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import LabelMap

AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
TAGS = {"reference_tag": "first", "prediction_tag": "second"}


def box(lower):
    array = np.zeros((8, 16, 16), np.uint8)
    array[2:6, lower : lower + 8, 4:12] = 1
    return LabelMap(array, AFFINE)


@dataclass
class Folder:
    """A data folder whose name a report must not tell: two images with both labels, one with one, one with none."""

    path: Path
    store: Datastore
    images: list[str]

    @property
    def runs(self):
        return self.path / ".maskwright" / "qa"

    def save(self, image, tag, mask):
        mw.write(mask, self.path.parent / "mask.nii.gz")
        self.store.save_label(image, tag, self.path.parent / "mask.nii.gz", ".nii.gz", {}, "test")


def ended(client, run):
    deadline = time.monotonic() + 60
    while (record := client.get(f"/api/v1/qa/{run}").json())["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return record


def events(client, run):
    with client.stream("GET", f"/api/v1/qa/{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
