"""Requests for what is not there, cannot be, or would cost much: refused, or nothing found."""

import re
import socket

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid


def uids(slices):
    return slices[0].StudyInstanceUID, slices[0].SeriesInstanceUID


def raw_status(base, path):
    """Ask for a path as it is written, which clients would tidy up, and return the status."""
    host, port = re.search(r"//(.+):(\d+)", base).groups()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"GET {base.partition(port)[2]}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("bad", ["../..", "%2e%2e%2f%2e%2e", "..%2f..", "1" * 1000, "1%00", "%00", "a", "1/../2", ""])
@pytest.mark.parametrize("level", ["study", "series", "instance"])
@pytest.mark.parametrize("end", ["", "/metadata"])
def test_impossible_uids(server, bad, level, end):
    dataset = server[2]["a"][0]
    known = {"study": dataset.StudyInstanceUID, "series": dataset.SeriesInstanceUID}
    known["instance"] = dataset.SOPInstanceUID
    path = "studies/{study}/series/{series}/instances/{instance}".format(**(known | {level: bad}))
    status = raw_status(f"{server[0]}/proxy/dicom/wado/", path + end)
    assert 400 <= status < 500


@pytest.mark.parametrize("level", ["study", "series", "instance"])
@pytest.mark.parametrize("end", ["", "/metadata", "/frames/1"])
def test_unknown_uids(server, level, end):
    dataset = server[2]["a"][0]
    known = {"study": dataset.StudyInstanceUID, "series": dataset.SeriesInstanceUID}
    known["instance"] = dataset.SOPInstanceUID
    path = "studies/{study}/series/{series}/instances/{instance}".format(**(known | {level: generate_uid()}))
    answer = httpx.get(f"{server[0]}/proxy/dicom/wado/{path}{end}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_series_is_not_found_through_another_study(server):
    path = f"studies/{uids(server[2]['c'])[0]}/series/{uids(server[2]['a'])[1]}"
    assert httpx.get(f"{server[0]}/proxy/dicom/wado/{path}").status_code == 404


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "offset=-1", "offset=1e9", f"Modality={'x' * 5000}"])
def test_bad_parameters(server, query):
    answer = httpx.get(f"{server[0]}/proxy/dicom/qido/series?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("value", ["*" * 4000, "*a" * 2000 + "b", "(", "[", "[a-", "\\", "..", "%00", "{0}", "💥"])
def test_odd_filters_find_nothing_and_cost_nothing(server, value):
    answer = httpx.get(f"{server[0]}/proxy/dicom/qido/instances", params={"StudyDescription": value}, timeout=5)
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_damaged_header_costs_only_itself(server, write_series):
    folder = server[1] / "odd"
    (dataset,) = write_series(folder, np.zeros((1, 4, 5), np.int16))
    with pydicom.config.disable_value_validation():
        dataset.add_new(0x00189305, "FD", float("nan"))
        dataset.add_new(0x00091001, "OB", bytes(200_000))
        dataset.add_new(0x00091002, "OB", bytes(20))
    path = next(folder.iterdir())
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    study, series = uids([dataset])
    (found,) = httpx.get(f"{server[0]}/proxy/dicom/wado/studies/{study}/series/{series}/metadata").json()
    assert "00189305" not in found
    assert "00091001" not in found
    assert "00091002" in found
    assert found["0020000E"]["Value"] == [series]
    path.unlink()
    folder.rmdir()
