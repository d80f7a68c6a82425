"""Where and how numbers are computed: arrays of NumPy or CuPy, the device, which kernels, which memory."""
