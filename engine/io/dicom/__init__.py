"""DICOM: series of images, and segmentations that belong to them."""
