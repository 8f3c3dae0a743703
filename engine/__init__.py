"""Volumes and files, metrics, batches and reports. Imports ``interactive`` and ``kernels``; nothing imports it back."""
