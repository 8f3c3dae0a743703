"""Slice propagation: the one way from a few given slices to a volume."""
