"""Which parts of an image, or of a network, an answer hangs on."""
