"""The runtime of CPU kernels: compiled functions, vector instructions, the micro-kernel, threads, memory."""
