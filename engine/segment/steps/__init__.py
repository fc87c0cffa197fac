"""Composable steps: torch tensors in, torch tensors out, pure, the same result on every device.

A mask is a bool tensor (ni, nj, nk), indexed as a volume's samples are. On the CPU the hot steps
run as numba kernels; elsewhere as torch operations. Both are written to give equal results, and
the tests run both on the CPU to hold them to it.
"""
