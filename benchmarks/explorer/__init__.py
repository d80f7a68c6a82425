"""The explorer in a browser: how fast it is, and the pictures of it in README.md."""
