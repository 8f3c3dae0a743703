"""The real dicomweb-client against our server, and what OHIF asks beside it."""

import re

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless, generate_uid

web = pytest.importorskip("dicomweb_client.web")

pytestmark = pytest.mark.clients
SHAPE = (5, 12, 14)


def stored(seed):
    return np.random.default_rng(seed).integers(-1000, 3000, SHAPE).astype(np.int16)


@pytest.fixture
def client(server):
    return web.DICOMwebClient(f"{server[0]}/proxy/dicom", qido_url_prefix="qido", wado_url_prefix="wado")


def uids(slices):
    return slices[0].StudyInstanceUID, slices[0].SeriesInstanceUID


def values(records, tag):
    return [record[tag]["Value"][0] for record in records]


class TestSearch:
    def test_studies(self, server, client):
        made = server[2]
        found = client.search_for_studies()
        assert values(found, "0020000D") == [uids(made["a"])[0], uids(made["c"])[0]]
        assert values(found, "00201206") == [2, 1]
        assert values(found, "00201208") == [10, 5]
        assert found[0]["00080061"]["Value"] == ["CT"]
        assert found[0]["00100010"]["Value"] == [{"Alphabetic": "Müller^Jane"}]
        assert "0020000E" not in found[0]
        assert client.search_for_studies(search_filters={"StudyInstanceUID": uids(made["c"])[0]}) == found[1:]

    def test_series(self, server, client):
        made = server[2]
        found = client.search_for_series()
        assert values(found, "0020000E") == [uids(made[name])[1] for name in "abc"]
        assert values(found, "00201209") == [5, 5, 5]
        study = uids(made["a"])[0]
        assert client.search_for_series(study) == found[:2]
        wanted = {"SeriesInstanceUID": uids(made["b"])[1]}
        assert client.search_for_series(search_filters=wanted) == [found[1]]
        assert client.search_for_series(study, search_filters=wanted) == [found[1]]
        assert client.search_for_series(uids(made["c"])[0], search_filters=wanted) == []

    def test_instances(self, server, client):
        made = server[2]
        study, series = uids(made["b"])
        found = client.search_for_instances(study, series)
        by_number = sorted(made["b"], key=lambda dataset: int(dataset.InstanceNumber))
        assert values(found, "00080018") == [dataset.SOPInstanceUID for dataset in by_number]
        assert (values(found, "00280010")[0], values(found, "00280011")[0]) == SHAPE[1:]
        assert len(client.search_for_instances(study)) == 10
        assert len(client.search_for_instances()) == 15
        wanted = {"SOPInstanceUID": by_number[3].SOPInstanceUID}
        assert client.search_for_instances(search_filters=wanted) == [found[3]]

    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            ({"Modality": "CT"}, 3),
            ({"Modality": "MR"}, 0),
            ({"Modality": "MR,CT"}, 3),
            ({"00080060": "CT"}, 3),
            ({"PatientID": "P-1"}, 3),
            ({"PatientID": "P-*"}, 3),
            ({"PatientID": "P-?"}, 3),
            ({"PatientID": "P-"}, 0),
            ({"PatientID": "[P]-1"}, 0),
            ({"PatientID": "p-1"}, 0),
            ({"PatientName": "*müller*"}, 3),
            ({"PatientName": "Doe*"}, 0),
            ({"StudyDate": "20240101-20240201"}, 3),
            ({"StudyDate": "20240116-"}, 0),
            ({"StudyDate": "-20240115"}, 3),
            ({"SeriesNumber": "3"}, 3),
            ({"AccessionNumber": "1"}, 0),
            ({"StudyDescription": ""}, 3),
            ({"Modality": "CT", "PatientID": "other"}, 0),
        ],
    )
    def test_filters(self, client, filters, count):
        assert len(client.search_for_series(search_filters=filters)) == count

    def test_pages(self, client):
        whole = client.search_for_instances()
        assert client.search_for_instances(limit=4) == whole[:4]
        assert client.search_for_instances(limit=4, offset=13) == whole[13:]
        assert client.search_for_instances(offset=15) == []
        assert client.search_for_instances(limit=4, get_remaining=True) == whole

    def test_warnings(self, server):
        url = f"{server[0]}/proxy/dicom/qido/series"
        assert "warning" not in httpx.get(url).headers
        assert "more" in httpx.get(url, params={"limit": 2}).headers["warning"]
        answer = httpx.get(url, params={"Rows": "1", "fuzzymatching": "true", "includefield": "all"})
        assert len(answer.json()) == 3
        assert "not supported" in answer.headers["warning"]

    def test_study_list_of_ohif(self, server):
        query = "PatientName=*M%C3%BC*&00100020=*P*&ModalitiesInStudy=CT%5CMR&limit=101&offset=0&fuzzymatching=false"
        more = f"&includefield=00081030,00080060&StudyInstanceUID={uids(server[2]['a'])[0]}%5C{generate_uid()}"
        answer = httpx.get(f"{server[0]}/proxy/dicom/qido/studies?{query}{more}")
        assert answer.headers["content-type"] == "application/dicom+json"
        assert values(answer.json(), "0020000D") == [uids(server[2]["a"])[0]]
        assert answer.json()[0]["00081190"]["Value"][0] == f"/proxy/dicom/wado/studies/{uids(server[2]['a'])[0]}"


class TestRetrieve:
    def test_metadata_are_the_headers(self, server, client):
        made = server[2]
        study, series = uids(made["a"])
        found = client.retrieve_series_metadata(study, series)
        read = {one.SOPInstanceUID: one for one in map(pydicom.Dataset.from_json, found)}
        assert read.keys() == {dataset.SOPInstanceUID for dataset in made["a"]}
        for dataset in made["a"]:
            one = read[dataset.SOPInstanceUID]
            for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "RescaleIntercept"):
                assert one[name].value == dataset[name].value
            assert one.PatientName == "Müller^Jane"
            assert one.SpecificCharacterSet == "ISO_IR 192"
            assert "PixelData" not in one
        instance = made["a"][2].SOPInstanceUID
        assert client.retrieve_instance_metadata(study, series, instance) in (found[2], [found[2]])
        assert len(client.retrieve_study_metadata(study)) == 10

    def test_metadata_under_qido(self, server):
        study, series = uids(server[2]["a"])
        path = f"studies/{study}/series/{series}/metadata"
        one, other = (httpx.get(f"{server[0]}/proxy/dicom/{end}/{path}") for end in ("qido", "wado"))
        assert one.json() == other.json()
        assert len(one.json()) == 5

    def test_a_series_is_its_files(self, server, client):
        made = server[2]
        found = client.retrieve_series(*uids(made["b"]))
        pixels = {dataset.SOPInstanceUID: dataset.pixel_array for dataset in made["b"]}
        assert len(found) == len(pixels)
        for dataset in found:
            np.testing.assert_array_equal(dataset.pixel_array, pixels[dataset.SOPInstanceUID])

    def test_a_study_and_an_instance(self, server, client):
        made = server[2]
        study, series = uids(made["a"])
        assert len(client.retrieve_study(study)) == 10
        wanted = made["a"][3]
        (found,) = [client.retrieve_instance(study, series, wanted.SOPInstanceUID)]
        np.testing.assert_array_equal(found.pixel_array, wanted.pixel_array)

    def test_files_are_sent_to_the_last_byte(self, server):
        made, folder = server[2], server[1]
        study, series = uids(made["a"])
        answer = httpx.get(f"{server[0]}/proxy/dicom/wado/studies/{study}/series/{series}")
        boundary = re.search("boundary=(.+)", answer.headers["content-type"])[1].encode()
        parts = answer.content.split(b"--" + boundary)
        assert parts[0] == b""
        assert parts[-1] == b"--\r\n"
        sent = {part.partition(b"\r\n\r\n")[2][:-2] for part in parts[1:-1]}
        assert sent == {path.read_bytes() for path in (folder / "a").iterdir()}

    def test_frames(self, server, client):
        wanted = server[2]["c"][1]
        study, series = uids(server[2]["c"])
        (frame,) = client.retrieve_instance_frames(study, series, wanted.SOPInstanceUID, [1])
        np.testing.assert_array_equal(np.frombuffer(frame, "<i2").reshape(SHAPE[1:]), wanted.pixel_array)


def answer_of(server, dataset, frames):
    study, series = uids([dataset])
    return httpx.get(
        f"{server[0]}/proxy/dicom/wado/studies/{study}/series/{series}/instances/{dataset.SOPInstanceUID}/frames/{frames}"
    )


class TestFrames:
    @pytest.fixture
    def many(self, server, write_series):
        """Three frames in one file; changed and saved by the test."""
        folder = server[1] / f"many-{generate_uid()[-12:]}"
        (dataset,) = write_series(folder, stored(3)[:1])
        dataset.NumberOfFrames = 3
        dataset.PixelData = stored(4)[:3].astype("<i2").tobytes()
        next(folder.iterdir()).unlink()
        yield dataset, folder / "0.dcm"
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    def test_of_many(self, server, client, many):
        dataset, path = many
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        frames = client.retrieve_instance_frames(*uids([dataset]), dataset.SOPInstanceUID, [3, 1])
        for frame, number in zip(frames, (3, 1), strict=True):
            np.testing.assert_array_equal(np.frombuffer(frame, "<i2").reshape(SHAPE[1:]), stored(4)[number - 1])

    @pytest.mark.parametrize("offsets", [True, False])
    def test_compressed_frames_as_stored(self, server, many, offsets):
        dataset, path = many
        dataset.compress(RLELossless)
        if not offsets:
            kept = [*pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=3)]
            dataset.PixelData = pydicom.encaps.encapsulate(kept, has_bot=False)
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        answer = answer_of(server, dataset, "2")
        head, _, rest = answer.content.partition(b"\r\n\r\n")
        assert b"Content-Type: image/dicom-rle; transfer-syntax=1.2.840.10008.1.2.5" in head
        assert 'type="image/dicom-rle"' in answer.headers["content-type"]
        frame = rest[: rest.rindex(b"\r\n--")]
        assert frame == pydicom.encaps.get_frame(dataset.PixelData, 1, number_of_frames=3)

    @pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
    def test_uncompressed_frames_are_little_endian(self, server, client, many, syntax):
        dataset, path = many
        big = syntax.endswith(".2.2")
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = stored(4)[:3].astype(">i2" if big else "<i2").tobytes()
        dataset["PixelData"].VR = "OW"
        pydicom.dcmwrite(
            path, dataset, implicit_vr=syntax == "1.2.840.10008.1.2", little_endian=not big, enforce_file_format=True
        )
        answer = answer_of(server, dataset, "2")
        assert b"application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1\r\n" in answer.content
        (frame,) = client.retrieve_instance_frames(*uids([dataset]), dataset.SOPInstanceUID, [2])
        np.testing.assert_array_equal(np.frombuffer(frame, "<i2").reshape(SHAPE[1:]), stored(4)[1])

    @pytest.mark.parametrize("frames", ["4", "1,4", "9999999"])
    def test_missing_frames(self, server, many, frames):
        dataset, path = many
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        answer = answer_of(server, dataset, frames)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")

    @pytest.mark.parametrize("frames", ["0", "-1", "x", "1,", "1,,2", "1" * 40, ",".join(["1"] * 65), "1%00"])
    def test_invalid_frame_lists(self, server, frames):
        answer = answer_of(server, server[2]["a"][0], frames)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")

    def test_a_file_that_is_cut_short(self, server, many):
        dataset, path = many
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        path.write_bytes(path.read_bytes()[: -SHAPE[1] * SHAPE[2] * 2 - 10])
        assert answer_of(server, dataset, "1").status_code == 200
        assert answer_of(server, dataset, "2").status_code == 422
        assert answer_of(server, dataset, "3").status_code == 422

    def test_a_file_without_pixels(self, server, many):
        dataset, path = many
        del dataset.PixelData
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        assert answer_of(server, dataset, "1").status_code == 422
