"""Assist on volumes and files: slices propagated, prompts turned into a mask, and pictures of both."""
