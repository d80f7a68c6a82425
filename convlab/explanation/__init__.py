"""One number of a recording explained: what was added up, and from where."""
