"""What CPU kernels stand on: compiled functions, vector instructions, the micro-kernel, threads, memory."""
