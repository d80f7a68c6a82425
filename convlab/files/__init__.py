"""The Keras layouts, images and downloads: everything that reads or writes a file."""
