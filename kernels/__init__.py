"""Ground floor: arrays in, arrays out. One folder a family; see each family's ``__init__`` for what it computes."""

import os
import sys

from maskwright.machine import cpu_quota, usable_cores

# Both must be set before Numba starts its threads. Its workqueue layer is not safe to call from several threads.
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
# OpenMP's threads wait by spinning; beside another busy process two of them then take many times as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Numba starts a thread for each core of the affinity mask, also where a container's quota allows fewer.
if cpu_quota() is not None and "numba" not in sys.modules:
    os.environ.setdefault("NUMBA_NUM_THREADS", str(usable_cores()))
