"""A process that is killed while it saves: every label it has acknowledged is there whole, and nothing half-written."""

import hashlib
import io
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskwright.engine.service.storage import Datastore, labels, upload

SAVER = """
import random, sys
from pathlib import Path
from maskwright.engine.service.storage import Datastore

store = Datastore.open(Path(sys.argv[1]))
images = [entry.id for entry in store.images()]
for number in range(100_000):
    image = images[number % len(images)]
    suffix = (".nii.gz", ".nrrd")[number // 7 % 2]
    data = f"{number} ".encode() * 40_000
    store.save_label(image, "final", data, suffix, {"number": number}, "ann")
    print(number, flush=True)
"""


def label_of(number: int) -> bytes:
    return f"{number} ".encode() * 40_000


@pytest.mark.parametrize("seed", range(4))
def test_kill(folder: Path, tmp_path: Path, seed: int) -> None:
    acknowledged = tmp_path / "acknowledged"
    with acknowledged.open("wb") as out:
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(folder)], stdout=out)
        try:
            deadline = time.monotonic() + 30
            while acknowledged.stat().st_size < 20 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(random.Random(seed).uniform(0.05, 0.3))  # somewhere within a save
        finally:
            saver.send_signal(signal.SIGKILL)
            saver.wait()
    numbers = [int(line) for line in acknowledged.read_text().split("\n")[:-1]]
    assert len(numbers) > 5
    with Datastore.open(folder) as store:
        images = [entry.id for entry in store.images()]
        seen = {}
        for image in images:
            current = store.labels(image)["final"]
            assert current.info is not None
            number = current.info.label_info["number"]
            assert current.path.read_bytes() == label_of(number)
            assert current.info.sha256 == hashlib.sha256(label_of(number)).hexdigest()
            seen[number] = image
            for version in store.versions(image, "final"):
                earlier = int(version.read_bytes().split(b" ", 1)[0])
                assert version.read_bytes() == label_of(earlier)
                seen[earlier] = image
        assert all(seen[number] == images[number % len(images)] for number in numbers)
        assert set(seen) - set(numbers) <= {numbers[-1] + 1}
    left = [path.name for path in (folder / "labels").rglob("*") if path.name.startswith(".")]
    assert not left


class _KilledError(BaseException):
    """Stands for the end of the process: nothing that runs after it counts."""


STEPS = 60


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end at the n-th change of a name on the disk; after it, no change is made at all."""
    left = [step]

    def watched(name: str) -> None:
        real = getattr(Path, name)

        def change(self: Path, *rest: object, **options: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise _KilledError
            return real(self, *rest, **options)

        monkeypatch.setattr(Path, name, change)

    for name in ("replace", "unlink", "mkdir", "rename"):
        watched(name)
    real_write = labels.write_synced

    def write(path: Path, data: bytes | Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            assert isinstance(data, bytes)
            path.write_bytes(data[: len(data) // 2])
            raise _KilledError
        real_write(path, data)

    monkeypatch.setattr(labels, "write_synced", write)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz"])
def test_save_killed_after_any_step(folder: Path, tmp_path: Path, suffix: str) -> None:
    outcomes = set()
    for step in range(STEPS):
        data = tmp_path / f"data{step}"
        shutil.copytree(folder, data)
        with Datastore.open(data) as store:
            image = store.images()[0].id
            store.save_label(image, "final", b"one", ".nrrd", {"text": "one"}, "ann")
            store.save_label(image, "final", b"two", ".nrrd", {"text": "two"}, "ann")
            with pytest.MonkeyPatch.context() as patched:
                killed_at(step, patched)
                try:
                    store.save_label(image, "final", b"three", suffix, {"text": "three"}, "ann")
                    finished = True
                except _KilledError:
                    finished = False
        with Datastore.open(data) as store:
            label = store.labels(image)["final"]
            assert label.info is not None
            text = label.path.read_bytes()
            assert label.info.label_info == {"text": text.decode()}
            assert text in ((b"three",) if finished else (b"two", b"three"))
            earlier = [path.read_bytes() for path in store.versions(image, "final")]
            assert earlier == ([b"one", b"two"] if text == b"three" else [b"one"])
            assert not [path for path in (data / "labels").rglob("*") if path.name.startswith(".")]
            store.save_label(image, "final", b"four", ".nrrd", {}, "ann")
            assert [path.read_bytes() for path in store.versions(image, "final")] == [*earlier, text]
        outcomes.add((finished, text))
        if finished:
            break
    assert outcomes == {(False, b"two"), (False, b"three"), (True, b"three")}


def test_killed_upload_is_removed_at_the_next_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> None:
        raise _KilledError

    with Datastore.open(folder) as store, monkeypatch.context() as patched:
        patched.setattr("maskwright.engine.service.storage.store.put_in_folder", dies)
        patched.setattr(upload.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(_KilledError):
            store.add_image("a.png", io.BytesIO(b"x"), 10)
        assert any((folder / "uploads").iterdir())
        assert len(store.images()) == 3
    with Datastore.open(folder) as store:
        assert not any((folder / "uploads").iterdir())


def test_work_of_another_process_is_not_removed(folder: Path) -> None:
    with Datastore.open(folder) as first:
        first.save_label(first.images()[0].id, "final", b"x", ".nrrd", {}, "ann")
        unfinished = folder / "labels" / "final" / ".unfinished-0123-x.nrrd"
        unfinished.write_bytes(b"half")
        with Datastore.open(folder):
            assert unfinished.exists()
    with Datastore.open(folder):
        assert not unfinished.exists()
