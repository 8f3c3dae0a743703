"""Manifests: what is read, and every mistake with its line."""

from pathlib import Path

import polars as pl
import pytest

from maskwright.engine.qa.manifest import read_manifest
from maskwright.errors import FileFormatError, InputError

HEADER = "case,reference,prediction\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_full_manifest_is_read(tmp_path: Path) -> None:
    text = (
        "\ufeffcase, reference ,prediction,patient,spacing_mm,image,site\n"
        'a,ref/a.nii,/abs/a.nii,p1,"2.5,1,1",ct/a.nii,Oslo\n'
        "\n"
        "b,ref/b.nii,pred/b.nii,,,,\n"
    )
    manifest = read_manifest(write(tmp_path, text))
    first, second = manifest.cases
    assert first.reference == tmp_path / "ref/a.nii"
    assert first.prediction == Path("/abs/a.nii")
    assert first.image == tmp_path / "ct/a.nii"
    assert (first.patient, first.spacing_mm, first.metadata) == ("p1", (2.5, 1.0, 1.0), {"site": "Oslo"})
    assert (second.patient, second.spacing_mm, second.image, second.metadata) == (None, None, None, {"site": ""})
    assert manifest.metadata_columns == ("site",)


def test_paths_do_not_depend_on_where_the_work_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, HEADER + "a,ref/a.nii,pred/a.nii\n")
    monkeypatch.chdir(tmp_path)
    assert read_manifest("manifest.csv").cases[0].reference == tmp_path / "ref/a.nii"


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    first = read_manifest(write(tmp_path, HEADER + "a,b,c\n")).fingerprint
    assert read_manifest(write(tmp_path, HEADER + "a,b,d\n")).fingerprint != first
    assert read_manifest(write(tmp_path, HEADER + "a,b,c\n")).fingerprint == first


def test_parquet_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    columns = {"case": [1, 2], "reference": ["r1", "r2"], "prediction": ["p1", "p2"], "age": [40, None]}
    pl.DataFrame(columns).write_parquet(path)
    manifest = read_manifest(path)
    assert [(case.name, case.metadata) for case in manifest.cases] == [("1", {"age": "40"}), ("2", {"age": ""})]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: no column 'case'"),
        ("case,reference\na,b\n", "line 1: no column 'prediction'.*found case, reference"),
        ("case;reference;prediction\na;b;c\n", "no column"),
        (HEADER, "no cases"),
        (HEADER + "a,b,\n", "line 2: the cell in column 'prediction' is empty"),
        (HEADER + "a,b,c\n\nb,,c\n", "line 4: the cell in column 'reference' is empty"),
        (HEADER + "a,b,c\nx,b,c\na,d,e\n", "line 4: case 'a' is already on line 2"),
        (HEADER + "a,b,c,d\n", "line 2: 4 cells, but the header has 3"),
        (HEADER + "a,b\n", "line 2: 2 cells"),
        ("case,reference,prediction,site,site\n", "two columns are called 'site'"),
        ("case,reference,prediction,\n", "has no name"),
        ("case,reference,prediction,dice\n", "'dice' is a column of the results"),
        ("case,reference,prediction,status\n", "'status' is a column of the results"),
        ("case,reference,prediction,hd90\n", "'hd90' is a column of the results"),
        ("case,reference,prediction,spacing_mm\na,b,c,1\n", "line 2: spacing_mm is '1'"),
        ('case,reference,prediction,spacing_mm\na,b,c,"1,0,1"\n', "spacing_mm"),
        ('case,reference,prediction,spacing_mm\na,b,c,"1,nan,1"\n', "spacing_mm"),
    ],
)
def test_every_mistake_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_manifest(write(tmp_path, text))


def test_a_file_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="No such file"):
        read_manifest(tmp_path / "gone.csv")
    with pytest.raises(FileFormatError, match="Is a directory"):
        read_manifest(tmp_path)
    latin = tmp_path / "latin.csv"
    latin.write_bytes(HEADER.encode() + b"M\xfcller,a,b\n")
    with pytest.raises(FileFormatError, match="not UTF-8"):
        read_manifest(latin)
    with pytest.raises(FileFormatError, match="not valid CSV, line 2"):
        read_manifest(write(tmp_path, HEADER + 'a,"b" x,c\n'))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no more")
    with pytest.raises(FileFormatError, match="not a readable Parquet"):
        read_manifest(broken)
