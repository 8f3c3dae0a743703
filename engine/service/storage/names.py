"""Names from outside: an allow-list, checked before anything touches the disk.

A name that passes holds no separator, no dot at its start and no second dot in a row, so that it can only be the name
of one file. The messages do not quote the name: it can be a patient's.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import PurePosixPath

from maskwright.engine.io.formats import STORED_LABEL_SUFFIXES, UPLOAD_SUFFIXES, suffix_of
from maskwright.errors import InputError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}(?<!\.)", re.ASCII)
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,79}", re.ASCII)
_LONGEST_STEM = 48
_HASH_DIGITS = 16


def image_id(relative: str) -> str:
    """Return the id of the image at a path relative to the data folder: the letters of its name, and a hash.

    The same path gives the same id on every machine; an id holds nothing that a URL would have to quote.

    Examples
    --------
    >>> image_id("scans/brain one.nii.gz")
    'brain-one-1af6c9298f0356c7'
    """
    digest = hashlib.sha256(os.fsencode(relative)).hexdigest()[:_HASH_DIGITS]
    name = PurePosixPath(relative).name
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", name[: len(name) - len(suffix_of(name, UPLOAD_SUFFIXES) or "")])
    return f"{stem.strip('-_')[:_LONGEST_STEM].strip('-_') or 'image'}-{digest}"


def is_image_id(text: str) -> bool:
    """Tell whether a text could be an image id."""
    return _ID.fullmatch(text) is not None


def check_tag(tag: str) -> str:
    """Return the tag of a label, or raise an InputError where it is none."""
    if _TAG.fullmatch(tag) is None:
        raise InputError("a tag is 1 to 64 letters, digits, '-', '_' or single '.', not at its ends; got another")
    return tag


def check_person(name: str, field: str) -> str:
    """Return the name of an author or a client, or raise an InputError about ``field`` where it is none."""
    if _PERSON.fullmatch(name) is None:
        raise InputError(f"{field} is 1 to 80 letters, digits or any of '-_.@+', a letter or digit first; got another")
    return name


def check_label_suffix(suffix: str) -> str:
    """Return the suffix of a label file, or raise an InputError where no label is stored under it."""
    if suffix not in STORED_LABEL_SUFFIXES:
        raise InputError(
            f"a label file ends in one of {', '.join(STORED_LABEL_SUFFIXES)}; got another ending: convert it"
        )
    return suffix


def clean_upload_name(name: str) -> tuple[str, str]:
    """Return stem and suffix of an uploaded file: its last part, with '_' for all that no name should hold.

    Raises
    ------
    InputError
        The name ends in no suffix of an image that is one file.

    Examples
    --------
    >>> clean_upload_name("../../etc/my scan.NII.GZ")
    ('my_scan', '.nii.gz')
    """
    last = re.split(r"[/\\]", name)[-1]
    suffix = suffix_of(last, UPLOAD_SUFFIXES)
    if suffix is None:
        raise InputError(f"an uploaded image ends in one of {', '.join(UPLOAD_SUFFIXES)}; got another ending")
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", last[: len(last) - len(suffix)])
    return stem.strip("_-")[:_LONGEST_STEM] or "image", suffix
