"""What stands for a GPU, for CuPy and for a compiler's user."""
