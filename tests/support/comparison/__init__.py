"""A network in PyTorch's spelling."""
