"""A network over a folder of pictures."""
