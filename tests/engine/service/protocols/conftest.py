"""DICOM series for the protocols that serve them."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SPACING = (2.5, 0.75, 0.5)
SLOPED = (0.8, 0.6, 0, 0, 0, -1)
"""Row and column directions of slices that lie neither along nor across an axis of the patient."""


def make_slice(pixels, number, position, orientation, uids):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Müller^Jane", "P-1", "", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber, dataset.ReferringPhysicianName = (
        "20240115",
        "",
        "",
        "",
    )
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = uids
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber, dataset.Modality = "1", 3, number, "CT"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(position), list(orientation)
    dataset.PixelSpacing, dataset.SliceThickness = list(SPACING[1:]), SPACING[0]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelData = pixels.astype("<i2").tobytes()
    return dataset


@pytest.fixture(scope="session")
def write_series():
    """Write a series, (slice, row, column), into a folder, and return its slices.

    Slices follow one another along the normal, or with ``direction`` -1 against it; the names of the files say
    nothing of their order, and the files' numbers run the other way round.
    """

    def write(folder, stored, direction=1, orientation=SLOPED, study=None, series=None):
        folder.mkdir(parents=True)
        uids = study or generate_uid(), series or generate_uid(), generate_uid()
        normal = np.cross(orientation[:3], orientation[3:])
        slices = []
        for at, pixels in enumerate(stored):
            position = np.round([-10, -20, 30] + direction * SPACING[0] * at * normal, 6)
            slices.append(make_slice(pixels, len(stored) - at, position, orientation, uids))
            name = f"{(7 * at) % 11:02}-{at}.dcm" if at % 2 else f"{(7 * at) % 11:02}-{at}"
            pydicom.dcmwrite(folder / name, slices[-1], enforce_file_format=True)
        return slices

    return write
