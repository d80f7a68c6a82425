"""What a run recorded: activations by layer, their statistics, their file."""
