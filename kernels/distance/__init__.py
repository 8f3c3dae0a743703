"""Distances in mm: exact Euclidean distance transforms of masks and label maps."""

from maskwright.kernels.distance.transform import distance_to, distance_transform

__all__ = ["distance_to", "distance_transform"]
