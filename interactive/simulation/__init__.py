"""The simulated annotator: clicks and strokes of a reader who knows the reference."""
