"""The runtime under all operations: arrays of NumPy or CuPy, the device, the policy, memory."""
