"""Where Keras' files hold the arrays of each layer, since version 1: read, told apart, and written."""
