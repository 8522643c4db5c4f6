"""Release posts of a static site at their instant and announce each once."""

__version__ = "0.1.0"
