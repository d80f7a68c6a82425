"""Comparison of two recordings, to tell whether a network is right, and recordings of frameworks."""
