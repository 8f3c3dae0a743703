"""Surfaces of labels: their voxels, and the areas of their elements."""
