"""Ground floor: arrays in, arrays out. One folder a family; see each family's ``__init__`` for what it computes."""

import os
import sys

from maskwright.machine import cpu_quota, usable_cores

# Numba's workqueue layer is not safe to call from several threads; this must be set before numba loads.
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")

# Numba starts a thread for each core of the affinity mask, also where a container's quota allows fewer.
if cpu_quota() is not None and "numba" not in sys.modules:
    os.environ.setdefault("NUMBA_NUM_THREADS", str(usable_cores()))
