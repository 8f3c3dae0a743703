"""nnInteractive v2: prompts from Slicer and napari, on a port of its own."""
