"""How things show themselves, below what they are: tables of text."""
