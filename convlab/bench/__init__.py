"""Benchmarks: equal first, then fast. `benchmarks/` uses them too."""
