"""Layers beside Keras."""
