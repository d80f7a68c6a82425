"""Scans beside the obvious ways: features of many pictures by PyTorch and by Keras, and by one worker and by two."""
