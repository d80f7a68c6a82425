"""Markup for all that shows itself, below what is shown: tables of text."""
