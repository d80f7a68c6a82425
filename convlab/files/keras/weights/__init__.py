"""The places of each layer's arrays in Keras' files since version 1: read, told apart, and written."""
