"""Scripts that measure; they run from the repository's root, as in `python -m benchmarks.peers`."""
