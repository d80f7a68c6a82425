"""Networks of Keras, layer by layer, through files that Keras saved."""
