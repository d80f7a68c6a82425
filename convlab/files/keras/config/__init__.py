"""From the config that Keras stores to a network: read, checked, brought to today's spelling, built; and written."""
