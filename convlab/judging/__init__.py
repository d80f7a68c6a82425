"""Somebody's own convolution: right or not, and which mistake."""
