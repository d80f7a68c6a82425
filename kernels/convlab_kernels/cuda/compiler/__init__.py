"""What GPU kernels stand on: the language they are written in, its compiler, and the launch."""
