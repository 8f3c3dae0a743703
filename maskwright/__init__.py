"""Maskwright: the segmentation engine behind medical annotation."""
