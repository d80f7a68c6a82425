"""The recording of a run: activations by layer, their statistics, their file."""
