"""Values of the command line's options as numbers."""

from __future__ import annotations

from maskwright.errors import InputError


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Read numbers with commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option}: expected numbers such as 2.5,0.8,0.8, got {text!r}") from None


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option}: expected whole numbers such as 4,12,20, got {text!r}") from None


def point_of(text: str) -> tuple[tuple[int, ...], bool]:
    """Read ``z,y,x``, ``z,y,x:+`` or ``z,y,x:-``."""
    index, _, sense = text.partition(":")
    if sense not in ("", "+", "-") or text.endswith(":"):
        raise InputError(f"--point: expected z,y,x, z,y,x:+ or z,y,x:-, got {text!r}")
    return whole_numbers("--point", index), sense != "-"
