"""convlab on an NVIDIA GPU beside PyTorch, cuDNN and cuBLAS."""
