"""Weights that PyTorch wrote, given to an architecture that is known."""
