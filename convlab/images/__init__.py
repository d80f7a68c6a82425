"""Pictures and other inputs on their way in: read, resized, preprocessed."""
