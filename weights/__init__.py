"""Data that ships with convlab: trained weights, the registry of known files, sample images."""
