"""Selections of files of tests, each a marker: `pytest -m smoke`, `-m frameworks`, `-m compiler`."""

SMOKE = {  # a minute's worth of each room: what another Python or NumPy would break
    *("ops/test_ops.py", "test_loading.py", "explanation/test_explain.py", "cli/test_cli.py", "view/test_plot.py"),
    *("comparison/test_frameworks.py", "kernels/test_references.py", "layers/test_convolution_layers.py"),
    *("layers/test_activation_functions.py", "recording/test_saved.py", "files/torch/test_weights.py"),
    *("files/keras/weights/test_keras3_h5.py", "images/test_files.py", "test_light.py"),
}

LIVE = {  # need a framework as a whole: they test what is done with its objects, or large files of it
    "backward/test_networks.py",
    "benchmarks/test_as_torch.py",
    "comparison/test_keras_recorder.py",
    "comparison/test_torch_recorder.py",
    "files/keras/test_networks_from_files.py",
    "files/keras/test_tutorial_networks.py",
}
"""With the files that have a record, in references/recorded, or call `live`, they are the selection `frameworks`."""

COMPILER = {  # do more where the compiler for GPUs and CuPy are
    *("kernels/cuda/test_chip.py", "kernels/cuda/test_compiler.py", "kernels/cuda/test_fake_cupy.py"),
    *("kernels/cuda/test_gpu_contestants.py", "kernels/cuda/test_language.py", "kernels/cuda/test_launch.py"),
    "kernels/cuda/test_machine_code.py",
}
