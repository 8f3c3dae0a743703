"""Images that are sent in: each content once, under a name that leads nowhere else, whole or not at all."""

import gzip
import io
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from maskwright.engine.service.storage import Datastore
from maskwright.errors import InputError, LimitError, MaskwrightError, NotFoundError


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_upload_becomes_an_image(store: Datastore, folder: Path) -> None:
    entry = store.add_image("C:\\scans\\../head scan.NII.GZ", io.BytesIO(b"voxels"), 6)
    assert (entry.name, entry.format, entry.path.read_bytes()) == ("head_scan.nii.gz", "NIfTI", b"voxels")
    assert entry.path.is_relative_to(folder / "uploads")
    assert entry in store.images()
    with Datastore.open(folder) as again:
        assert again.image(entry.id).path == entry.path


def test_same_content_is_stored_once(store: Datastore, folder: Path) -> None:
    first = store.add_image("one.nii.gz", io.BytesIO(b"voxels"), 100)
    before = files_in(folder)
    assert store.add_image("two.nii", io.BytesIO(b"voxels"), 100) == first
    assert files_in(folder) == before
    assert store.add_image("two.nii", io.BytesIO(b"voxelz"), 100).id != first.id
    assert store.add_image("two.nrrd", io.BytesIO(b"voxels"), 100).format == "NRRD"


def test_image_of_the_folder_is_not_stored_again(store: Datastore, folder: Path) -> None:
    existing = store.images()[0]
    before = files_in(folder)
    assert store.add_image("mine.nii.gz", io.BytesIO(gzip.compress(b"a", mtime=0)), 100) != existing
    assert store.add_image("mine.nii.gz", io.BytesIO(existing.path.read_bytes()), 100) == existing
    assert len(files_in(folder) - before) == 3  # uploads, one folder in it, one file in that


def test_a_dicom_file_is_a_series_of_one(store: Datastore) -> None:
    content = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    entry = store.add_image("1.dcm", io.BytesIO(content), 1 << 20)
    assert entry.format == "DICOM series"
    assert store.add_image("2.dcm", io.BytesIO(content), 1 << 20) == entry
    assert store.image(entry.id) in store.images()


class _Breaks(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(3)
        if not block:
            raise RuntimeError("the sender has gone")
        return block


@pytest.mark.parametrize(
    ("name", "stream", "kind"),
    [
        ("a.nii.gz", io.BytesIO(b"x" * 101), LimitError),
        ("a.nii.gz", io.BytesIO(b""), InputError),
        ("a.exe", io.BytesIO(b"x"), InputError),
        ("..", io.BytesIO(b"x"), InputError),
        ("a.nii.gz", _Breaks(b"x" * 50), RuntimeError),
    ],
)
def test_refused_upload_leaves_nothing(
    store: Datastore, folder: Path, name: str, stream: io.BytesIO, kind: type[Exception]
) -> None:
    before = files_in(folder) | {"uploads"}
    with pytest.raises(kind):
        store.add_image(name, stream, 100)
    assert files_in(folder) <= before


def test_uploads_through_a_link_out_are_refused(store: Datastore, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (folder / "uploads").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError):
        store.add_image("a.png", io.BytesIO(b"x"), 10)
    assert not files_in(tmp_path / "outside")


def test_concurrent_uploads_of_one_content_are_one_image(store: Datastore) -> None:
    ids = []

    def send(number: int) -> None:
        ids.append(store.add_image(f"{number}.png", io.BytesIO(b"same"), 10).id)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


class TestEphemeral:
    def test_folder_is_only_read(self, folder: Path) -> None:
        before = files_in(folder)
        with Datastore.open(folder, ephemeral=True) as store:
            image = store.images()[0].id
            store.save_label(image, "final", b"label", ".nrrd", {}, "ann")
            label = store.label_path(image, "final")
            sent = store.add_image("a.png", io.BytesIO(b"sent"), 10)
            assert (len(store.images()), store.status().completed) == (4, 1)
            assert store.image(sent.id).path.is_file()
            assert files_in(folder) == before
        assert not label.exists()
        assert not sent.path.exists()
        assert files_in(folder) == before

    def test_names_on_the_disk_are_random(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (folder / "a.nii.gz").rename(folder / "smith.nii.gz")
        dicom = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
        with Datastore.open(folder, ephemeral=True) as store:
            sent = [store.add_image(f"miller{number}.png", io.BytesIO(b"sent"), 10) for number in range(2)]
            series = [store.add_image(f"jones{number}.dcm", io.BytesIO(dicom), 1 << 20) for number in range(2)]
            assert (sent[0], series[0]) == (sent[1], series[1])
            assert (sent[0].name, series[0].name) == ("miller0.png", "jones0.dcm")
            smith = next(entry for entry in store.images() if entry.name == "smith.nii.gz")
            for image in (smith.id, sent[0].id, series[0].id):
                for text in (b"one", b"two"):
                    store.save_label(image, "final", text, ".nrrd", {}, "ann")
                assert store.label_path(image, "final").read_bytes() == b"two"
                assert [path.read_bytes() for path in store.versions(image, "final")] == [b"one"]
            assert store.status().completed == 3
            assert smith not in store.unlabelled()
            written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if folder not in path.parents]
            assert not [path for path in written if any(name in str(path) for name in ("smith", "miller", "jones"))]

    def test_it_needs_no_folder(self) -> None:
        with Datastore.open(None, ephemeral=True) as store:
            assert store.images() == []
            assert [store.add_image("a.png", io.BytesIO(b"sent"), 10)] == store.images()


hostile = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["..", "../x", "/etc/passwd", "a/../b", "x\x00.nrrd", "labels", "versions", ".hidden", "a\n", "٣"]),
    st.text(alphabet="./\\a~\x00-_%2e", max_size=12),
)


@given(name=hostile, suffix=st.sampled_from(["", ".nii.gz", ".png", ".dcm"]))
def test_no_upload_name_leads_out_of_its_folder(name: str, suffix: str) -> None:
    with Datastore.open(None, ephemeral=True) as store:
        try:
            entry = store.add_image(name + suffix, io.BytesIO(b"DICM"), 10)
        except MaskwrightError:
            assert store.images() == []
            return
        assert entry.path.parent.parent.name == "uploads" or entry.path.parent.name == "uploads"
        assert not set(entry.name) & set("/\\\0\n ")
        assert not entry.name.startswith(".")
        assert store.images() == [entry]


@given(image=hostile, tag=hostile, author=hostile)
def test_no_id_tag_or_author_leads_out_of_its_folder(
    tmp_path_factory: pytest.TempPathFactory, image: str, tag: str, author: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "hostile" / "data"
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    (folder / "a.png").write_bytes(b"x")
    (folder.parent / "secret.nrrd").write_bytes(b"secret")
    with Datastore.open(folder) as store:
        right = store.images()[0].id
        for ask in (store.image, store.labels):
            with pytest.raises(InputError):
                ask(image)
        try:
            saved = store.save_label(right, tag, b"x", ".nrrd", {}, author)
        except InputError:
            pass
        else:
            assert saved.path.resolve().parent == folder / "labels" / tag
            assert store.label_path(right, tag) == saved.path
            assert tag.isascii()
    assert {path.name for path in folder.parent.iterdir()} == {"data", "secret.nrrd"}
    assert {path.name for path in folder.iterdir()} == {"a.png", "labels"}


def test_only_uploads_can_be_removed(tmp_path):
    (tmp_path / "own.nii.gz").write_bytes(b"own")
    with Datastore.open(tmp_path) as store:
        own = next(iter(store.images()))
        sent = store.add_image("sent.nii.gz", io.BytesIO(b"sent"), 10)
        other = store.add_image("other.nii.gz", io.BytesIO(b"other"), 10)
        store.remove_upload(sent.id)
        for image in (sent.id, own.id, "nothing"):
            with pytest.raises(NotFoundError):
                store.remove_upload(image)
        assert {entry.id for entry in store.images()} == {own.id, other.id}
        assert own.path.exists()
        assert not sent.path.exists()
