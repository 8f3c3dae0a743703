"""Regions: from a prompt to the part of the image that belongs to it."""
