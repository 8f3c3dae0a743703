"""Notices that a command prints on a machine whose kernels are not compiled yet."""

from maskwright.kernels.compiling import NOTICE


def without_notice(text: str) -> str:
    """Return standard error without the line that tells of compiling."""
    return "".join(line for line in text.splitlines(keepends=True) if NOTICE not in line)
