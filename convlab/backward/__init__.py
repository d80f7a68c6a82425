"""The backward pass over a recording: what changes a number, and by how much."""
