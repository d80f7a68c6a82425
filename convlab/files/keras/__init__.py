"""Files of Keras: architectures (model, config, ...), their weights, and both together in one file."""
