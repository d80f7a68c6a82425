"""convlab beside PyTorch, ONNX Runtime, OpenVINO and TensorFlow on whole networks."""
