"""Sweeps over the options of kernels, and threads that meet."""
