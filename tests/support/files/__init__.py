"""Files as others write them, good and bad, and who reads or serves them."""
