"""Whether `method="auto"` chooses the fastest method, over the shapes of real networks."""
