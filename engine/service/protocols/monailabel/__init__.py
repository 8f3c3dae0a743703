"""MONAI Label's protocol, as its Slicer, OHIF and QuPath plugins and its Python client speak it."""
