"""Files as such, below what they mean: bounded HDF5, NumPy and zip archives, and writing that is whole or nothing."""
