"""Deterministic simulation: the real planner, engine and ledger in a world that fails.

One seed is one world: posts, services, one or two publishers, an author and an operator, and
everything that may go wrong between them. The same seed gives the same history, always. The
program's own code runs unchanged on a real SQLite; only files, builds, services and time are
played. ``make simulate SEEDS=1000`` plays a thousand, ``make simulate SEED=17`` one, told step
by step.
"""
