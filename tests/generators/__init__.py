"""Real generators, installed from their registries, with a small real site each."""
