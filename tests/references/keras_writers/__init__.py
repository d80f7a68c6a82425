"""What each Keras writes, and what it answers: cases, numbers, the recording and its archive."""
