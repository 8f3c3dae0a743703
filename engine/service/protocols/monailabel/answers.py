"""Masks as MONAI Label's clients read them: a multipart form of parameters and a file."""

from __future__ import annotations

import json
import secrets
from typing import Any

from fastapi import Response

from maskwright.engine.io.formats import WRITABLE_MASK_SUFFIXES
from maskwright.engine.service.images.files import volume_file
from maskwright.engine.volume import Volume
from maskwright.errors import InputError


def mask_file(labels: Volume, extension: str, compress: bool) -> bytes:
    """Return a mask, its voxels of the type they are written in, as a file; NRRD is gzipped unless not wanted."""
    if extension not in WRITABLE_MASK_SUFFIXES:
        raise InputError(f"result_extension is {extension[:16]!r}; expected one of {', '.join(WRITABLE_MASK_SUFFIXES)}")
    data = volume_file(labels, extension)
    return _for_viewers(data, labels, compress) if extension == ".nrrd" else data


def _for_viewers(data: bytes, labels: Volume, compress: bool) -> bytes:
    """Return an NRRD file without the units of space, quoted texts at which OHIF's reader breaks off; mm go without."""
    header, _, voxels = data.partition(b"\n\n")
    lines = [line for line in header.split(b"\n") if not line.startswith(b"space units:")]
    if not compress:
        lines = [line.replace(b"encoding: gzip", b"encoding: raw") for line in lines]
        voxels = labels.array.astype(labels.array.dtype.newbyteorder("<"), order="C").tobytes()
    return b"\n".join(lines) + b"\n\n" + voxels


def answer(output: str, params: dict[str, Any], file: tuple[str, bytes] | None) -> Response:
    """Return the parts that ``output`` names: ``image`` the file, ``json`` the parameters, else a form of both."""
    if output == "json" or file is None:
        return Response(json.dumps(params), media_type="application/json")
    name, data = file
    if output == "image":
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="application/octet-stream", headers=headers)
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\nContent-Type: application/json\r\n\r\n'
        f"{json.dumps(params)}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return Response(body, media_type=f"multipart/form-data; boundary={boundary}")
