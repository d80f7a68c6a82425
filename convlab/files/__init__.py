"""The files networks come from: Keras, PyTorch, safetensors, downloads."""
