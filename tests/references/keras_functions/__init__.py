"""Functions on tensors: the cases that are recorded, and what each Keras wrote and answered."""
