"""The one line that a reader sees of an error."""

from maskwright.errors import InputError, reason_of


def test_reasons_are_one_line() -> None:
    assert reason_of(InputError("two\n  lines")) == "two lines"
    assert reason_of(FileNotFoundError(2, "No such file or directory", "x.nii")) == "No such file or directory: x.nii"
    assert reason_of(FileNotFoundError(2, "Gone", "M\udcfcller.nii")) == "Gone: M\\udcfcller.nii"
    assert reason_of(MemoryError()) == "out of memory"
