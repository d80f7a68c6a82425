"""VGG16: how long it takes, how much memory, and how far float32 is from float64."""
