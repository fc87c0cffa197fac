"""Sightline's engine. See docs/conventions.md for the layers."""

import os

# torch and numba each bring an OpenMP pool, and a pool's idle threads spin by default: two pools
# then fight for the cores after every parallel loop (measured on two busy cores: 600 ms against
# 50 ms for the same steps). Read when the pools load, hence here, before either is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# open3d brings a TBB that is older than numba wants, and numba would take it where it is loaded already. The OpenMP
# pool is the one that torch has anyway.
os.environ.setdefault("NUMBA_THREADING_LAYER_PRIORITY", "omp tbb workqueue")
