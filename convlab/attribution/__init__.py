"""The parts of an image, or of a network, that an answer hangs on."""
