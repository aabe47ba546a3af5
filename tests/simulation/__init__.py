"""The whole system in virtual time, from a seed: docs/faults.md, "Simulated"."""

KEPT: tuple[int, ...] = ()
"""Seeds that failed once: played first, every time. A change of the simulation itself gives them another meaning."""
