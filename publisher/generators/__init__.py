"""The static site generators: how each keeps states, dates and addresses."""
