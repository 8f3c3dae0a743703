"""Bulk quality assurance: a manifest of mask pairs in, a table, a summary and a report out."""
