"""Which files of tests are the smoke selection, `pytest -m smoke`."""

SMOKE = {  # a minute's worth of each room: what another Python or NumPy would break
    *("test_ops.py", "test_loading.py", "test_explain.py", "test_cli.py", "view/test_plot.py"),
    *("check/test_compare_frameworks.py", "kernels/test_references.py", "layers/test_convolution_layers.py"),
    *("layers/test_activation_functions.py", "files/test_recording.py", "files/test_torch_weights.py"),
    *("files/test_keras3.py", "files/test_image_files.py", "test_light.py"),
}
