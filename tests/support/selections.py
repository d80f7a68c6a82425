"""Selections of files of tests, each a marker: `pytest -m smoke`, `-m frameworks`, `-m compiler`."""

SMOKE = {  # a minute's worth of each room: what another Python or NumPy would break
    *("test_ops.py", "test_loading.py", "test_explain.py", "test_cli.py", "view/test_plot.py"),
    *("check/test_compare_frameworks.py", "kernels/test_references.py", "layers/test_convolution_layers.py"),
    *("layers/test_activation_functions.py", "files/test_recording.py", "files/test_torch_weights.py"),
    *("files/test_keras3.py", "files/test_image_files.py", "test_light.py"),
}

LIVE = {  # need a framework as a whole: they test what is done with its objects, or large files of it
    "check/test_keras_recorder.py",
    "check/test_torch_recorder.py",
    "test_networks_from_files.py",
    "test_tutorial_networks.py",
}
"""With the files that have a record, in references/recorded, they are the selection `frameworks`."""

COMPILER = {  # do more where the compiler for GPUs and CuPy are
    *("cuda/test_chip.py", "cuda/test_compiler.py", "cuda/test_fake_cupy.py", "cuda/test_gpu_contestants.py"),
    *("cuda/test_language.py", "cuda/test_launch.py", "cuda/test_machine_code.py"),
}
