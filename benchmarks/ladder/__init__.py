"""The table and the pictures of the GPU ladder in kernels/README.md."""
