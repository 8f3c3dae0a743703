"""What is said of a file names neither it nor what lies in it."""

import pytest

from maskwright.engine.service.images.files import redact_paths
from maskwright.errors import FileFormatError


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{folder}: no series", "the image: no series"),
        ("{folder}/Doe/Doe_Jane.dcm: damaged", "the image: damaged"),
        ("{folder}: Doe_Jane.dcm and Doe_Jane.dcm.old are both slice 1 of 12", "the image: the image and the image are "
         "both slice the image of 12"),
        ("{folder}.txt is another file", "the image.txt is another file"),
    ],
)  # fmt: skip
def test_names_are_redacted(tmp_path, said, told):
    folder = tmp_path / "Doe Jane"
    (folder / "Doe").mkdir(parents=True)
    for name in ("Doe_Jane.dcm", "Doe_Jane.dcm.old", "1"):
        (folder / "Doe" / name).touch()
    with pytest.raises(FileFormatError) as error, redact_paths(folder, "the image"):
        raise FileFormatError(said.format(folder=folder))
    assert str(error.value) == told
