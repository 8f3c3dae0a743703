"""Distances in mm: nearest points between surfaces, and exact Euclidean distance transforms."""

from maskwright.kernels.distance.lattice import Lattice, make_lattice
from maskwright.kernels.distance.nearest import nearest_squared, nearest_targets
from maskwright.kernels.distance.transform import distance_to, distance_transform

__all__ = ["Lattice", "distance_to", "distance_transform", "make_lattice", "nearest_squared", "nearest_targets"]
