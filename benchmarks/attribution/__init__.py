"""Attribution put to the test: whether maps change when the network forgets what it has learned."""
