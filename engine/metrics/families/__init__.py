"""The metrics, one file for those of one kind of input."""
