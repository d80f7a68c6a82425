"""The old names of `convlab.comparison`, kept for who imports them."""
