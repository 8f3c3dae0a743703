"""Ground floor: arrays in, arrays out. One folder a family; see each family's ``__init__`` for what it computes."""

import os

# Numba's workqueue layer is not safe to call from several threads; this must be set before numba loads.
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
