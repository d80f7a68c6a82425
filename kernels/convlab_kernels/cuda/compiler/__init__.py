"""The language that GPU kernels are written in, its compiler, and the launch."""
