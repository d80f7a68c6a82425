"""Whether a network is right: two recordings compared, and the same network recorded in a framework."""
