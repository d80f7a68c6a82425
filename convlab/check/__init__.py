"""What tells whether a network is right: comparing recordings, and recording the same network in a framework."""
