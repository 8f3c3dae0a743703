"""DICOMweb (PS3.18), read only, over the DICOM series of the data folder."""
