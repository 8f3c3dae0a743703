"""Volumes that are open, and volumes as files."""
