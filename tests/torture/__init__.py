"""Real kills and real faults of the real program, on real files, against local platforms."""
