"""Labels: saved whole, with what was there before, under names that lead nowhere else."""

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maskwright.engine.service.storage import Datastore, labels
from maskwright.errors import InputError, LimitError, NotFoundError, StorageError

SPLEEN = {"label_info": [{"name": "spleen", "idx": 1}]}


def files_in(folder: Path) -> set[str]:
    """Every file under a folder, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_saved_label_has_a_record(store: Datastore, folder: Path) -> None:
    image = store.images()[0].id
    assert store.labels(image) == {}
    saved = store.save_label(image, "final", b"first", ".nii.gz", SPLEEN, "ann")
    assert store.labels(image) == {"final": saved}
    path = store.label_path(image, "final")
    assert path == folder / "labels" / "final" / f"{image}.nii.gz"
    assert path.read_bytes() == b"first"
    record = json.loads((folder / "labels" / "final" / f"{image}.json").read_text())
    assert (record["label_info"], record["author"], record["file"]) == (SPLEEN, "ann", path.name)
    age = datetime.now(UTC) - datetime.fromisoformat(record["time"])
    assert abs(age.total_seconds()) < 60


def test_each_save_adds_a_version(store: Datastore, folder: Path) -> None:
    image = store.images()[0].id
    for text in ("one", "two", "three"):
        store.save_label(image, "final", text.encode(), ".nii.gz", {"text": text}, "ann")
    first, second = store.versions(image, "final")
    assert (first.name, first.read_bytes(), second.read_bytes()) == (f"{image}.1.nii.gz", b"one", b"two")
    assert first.parent == folder / "labels" / "final" / "versions"
    assert json.loads((first.parent / f"{image}.2.json").read_text())["label_info"] == {"text": "two"}
    assert store.label_path(image, "final").read_bytes() == b"three"
    assert store.versions(image, "other") == []


def test_label_of_another_form_replaces_the_first(store: Datastore, folder: Path) -> None:
    image = store.images()[0].id
    for suffix in (".nii.gz", ".seg.dcm", ".nrrd"):
        store.save_label(image, "final", suffix.encode(), suffix, {}, "ann")
    assert store.label_path(image, "final").name == f"{image}.nrrd"
    assert [path.read_bytes() for path in store.versions(image, "final")] == [b".nii.gz", b".seg.dcm"]
    current = {name for name in files_in(folder / "labels" / "final") if not name.startswith("versions")}
    assert current == {f"{image}.nrrd", f"{image}.json"}


def test_label_is_copied_from_a_path(store: Datastore, tmp_path: Path) -> None:
    (tmp_path / "label").write_bytes(b"x" * 3_000_000)
    image = store.images()[0].id
    store.save_label(image, "final", tmp_path / "label", ".nrrd", {}, "ann")
    assert store.label_path(image, "final").read_bytes() == b"x" * 3_000_000


def test_label_put_there_by_hand_becomes_a_version(store: Datastore, folder: Path) -> None:
    image = store.images()[0].id
    (folder / "labels" / "final").mkdir(parents=True)
    (folder / "labels" / "final" / f"{image}.nrrd").write_bytes(b"by hand")
    assert store.labels(image)["final"].info is None
    assert store.status().completed == 1
    store.save_label(image, "final", b"new", ".nii.gz", {}, "ann")
    assert [path.read_bytes() for path in store.versions(image, "final")] == [b"by hand"]


def test_without_links_versions_are_copies(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    image = store.images()[0].id
    for text in (b"one", b"two", b"three"):
        store.save_label(image, "final", text, ".nii.gz", {}, "ann")
    assert [path.read_bytes() for path in store.versions(image, "final")] == [b"one", b"two"]


def test_status_and_next(store: Datastore) -> None:
    first, second, third = (entry.id for entry in store.images())
    assert (store.status().total, store.status().completed) == (3, 0)
    following = store.next_unlabelled({})
    assert following is not None
    assert following.id == first
    scores = {first: 0.9, second: 0.4, third: 0.5, "gone": 0.0}
    order = []
    while (following := store.next_unlabelled(scores)) is not None:
        order.append(following.id)
        store.save_label(following.id, "final", b"x", ".nrrd", {}, "ann")
    assert order == [second, third, first]
    assert store.status().completed == 3


def test_image_without_confidence_comes_first(store: Datastore) -> None:
    first, second, third = (entry.id for entry in store.images())
    for scores in ({first: 0.1, second: 0.1}, {first: 0.1, second: 0.0, third: float("nan")}):
        following = store.next_unlabelled(scores)
        assert following is not None
        assert following.id == third


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"image": "nobody-0123"}, NotFoundError),
        ({"image": "../a.nii.gz"}, NotFoundError),
        ({"tag": "../final"}, InputError),
        ({"suffix": ".png"}, InputError),
        ({"author": "a\nb"}, InputError),
        ({"data": b""}, InputError),
        ({"info": {"x": float("nan")}}, InputError),
        ({"info": {"x": object()}}, InputError),
        ({"info": {"x": "y" * 2_000_000}}, LimitError),
    ],
)
def test_invalid_save_leaves_nothing(
    store: Datastore, folder: Path, change: dict[str, object], kind: type[InputError]
) -> None:
    right: dict[str, object] = {"image": store.images()[0].id, "tag": "t", "data": b"x", "suffix": ".nrrd"}
    with pytest.raises(kind):
        store.save_label(**{**right, "info": {}, "author": "ann", **change})  # type: ignore[arg-type]
    assert not [name for name in files_in(folder) if name.startswith("labels")]


def test_missing_label(store: Datastore) -> None:
    image = store.images()[0].id
    with pytest.raises(NotFoundError):
        store.label_path(image, "final")
    with pytest.raises(InputError):
        store.label_path(image, "../final")
    with pytest.raises(NotFoundError):
        store.labels("nobody")


def test_save_is_synced_before_it_returns(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut needs, and no killed process shows: files are synced before they are renamed, folders after."""
    image = store.images()[0].id
    store.save_label(image, "final", b"one", ".nrrd", {}, "ann")
    done: list[tuple[str, int]] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        done.append(("sync", os.fstat(descriptor).st_ino))
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append(("rename", self.stat().st_ino))
        return real_replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", sync)
        patched.setattr(Path, "replace", replace)
        saved = store.save_label(image, "final", b"two", ".nrrd", {}, "ann")
    folder, versions = saved.path.parent, saved.path.parent / "versions"
    record = (folder / f"{image}.json").stat().st_ino
    for inode in (saved.path.stat().st_ino, record):
        assert done.index(("sync", inode)) < done.index(("rename", inode))
    assert done[-2:] == [("rename", record), ("sync", folder.stat().st_ino)]
    assert done.index(("sync", versions.stat().st_ino)) < done.index(("rename", saved.path.stat().st_ino))


@pytest.mark.parametrize("tag", ["final", "a", "v1.2", "Ann_1-x", "x" * 64, "versions"])
def test_tags(store: Datastore, tag: str) -> None:
    image = store.images()[0].id
    store.save_label(image, tag, b"x", ".nrrd", {}, "ann")
    assert store.labels(image).keys() == {tag}


@pytest.mark.parametrize(
    "tag", ["", ".", "..", ".a", "a.", "a..b", "a/b", "a\\b", "a b", "a\n", "\n", "é", "٣", "-a", "x" * 65]
)
def test_no_tags(store: Datastore, tag: str) -> None:
    with pytest.raises(InputError):
        store.save_label(store.images()[0].id, tag, b"x", ".nrrd", {}, "ann")


class TestLinks:
    def test_labels_are_not_written_through_a_link_out(self, store: Datastore, folder: Path, tmp_path: Path) -> None:
        image = store.images()[0].id
        outside = tmp_path / "outside"
        outside.mkdir()
        (folder / "labels").mkdir()
        (folder / "labels" / "final").symlink_to(outside)
        with pytest.raises(InputError):
            store.save_label(image, "final", b"x", ".nrrd", {}, "ann")
        (folder / "labels" / "ok").mkdir()
        (folder / "labels" / "ok" / "versions").symlink_to(outside)
        with pytest.raises(InputError):
            store.save_label(image, "ok", b"x", ".nrrd", {}, "ann")
        assert not files_in(outside)

    def test_a_label_that_is_a_link_out_is_not_read(self, store: Datastore, folder: Path, tmp_path: Path) -> None:
        image = store.images()[0].id
        (tmp_path / "secret").write_bytes(b"secret")
        (folder / "labels" / "final").mkdir(parents=True)
        (folder / "labels" / "final" / f"{image}.nrrd").symlink_to(tmp_path / "secret")
        with pytest.raises(NotFoundError):
            store.label_path(image, "final")
        store.save_label(image, "final", b"new", ".nrrd", {}, "ann")
        assert (tmp_path / "secret").read_bytes() == b"secret"
        assert store.label_path(image, "final").read_bytes() == b"new"

    @pytest.mark.parametrize(
        "record",
        [
            '{"file": [], "sha256": "", "time": "", "author": ""}',
            "[]",
            "null",
            "{",
            "\xff",
            '{"file": "x"}',
            "[" * 9000,
        ],
    )
    def test_damaged_record_is_ignored(self, store: Datastore, folder: Path, record: str) -> None:
        image = store.images()[0].id
        store.save_label(image, "final", b"new", ".nrrd", {}, "ann")
        (folder / "labels" / "final" / f"{image}.json").write_bytes(record.encode("latin-1"))
        label = store.labels(image)["final"]
        assert (label.info, label.path.read_bytes()) == (None, b"new")

    def test_a_record_cannot_name_another_file(self, store: Datastore, folder: Path) -> None:
        image = store.images()[0].id
        store.save_label(image, "final", b"new", ".nrrd", {}, "ann")
        record = folder / "labels" / "final" / f"{image}.json"
        record.write_text(record.read_text().replace(f"{image}.nrrd", "../../a.nii.gz"))
        assert store.label_path(image, "final").name == f"{image}.nrrd"


def test_full_disk_leaves_the_label_unchanged(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    image = store.images()[0].id
    store.save_label(image, "final", b"old", ".nrrd", {}, "ann")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(labels, "write_synced", full)
        with pytest.raises(StorageError, match="No space left"):
            store.save_label(image, "final", b"new", ".nrrd", {}, "ann")
    assert store.label_path(image, "final").read_bytes() == b"old"
    assert store.versions(image, "final") == []


def test_saves_from_many_threads_lose_none(store: Datastore) -> None:
    image = store.images()[0].id
    texts = [f"label {number}".encode() for number in range(24)]

    def save(some: list[bytes]) -> None:
        for text in some:
            store.save_label(image, "final", text, ".nrrd", {}, "ann")

    threads = [threading.Thread(target=save, args=(texts[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [path.read_bytes() for path in store.versions(image, "final")]
    assert sorted([*kept, store.label_path(image, "final").read_bytes()]) == sorted(texts)
