"""A GPU in miniature: threads, barriers, shadowed memory, and a note of who touches what."""
