"""The columns of the results that are no metrics, with the types of their values."""

CASE_COLUMNS = {"spacing_mm": str, "voxels_left_out": int}
LABEL_COLUMNS = {"label": int, "status": str, "reference_voxels": int, "prediction_voxels": int}
