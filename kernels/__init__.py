"""Ground floor: arrays in, arrays out. One folder a family; the ``__init__`` of each family documents its functions."""

import os
import sys

from maskwright.machine import cpu_quota, usable_cores

# Our kernels use no threads of Numba or OpenMP (see ``threads``); other code in the process does, torch for one.
# Numba's workqueue layer is not safe to call from several threads. OpenMP's threads wait by spinning: beside another
# busy process two of them take many times as long as one. Both settings must come before those threads start.
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Numba starts a thread for each core of the affinity mask, also where a container's quota allows fewer.
if cpu_quota() is not None and "numba" not in sys.modules:
    os.environ.setdefault("NUMBA_NUM_THREADS", str(usable_cores()))
