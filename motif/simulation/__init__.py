"""The real learner, federator and projector under seeded faults, on a log in memory.

Everything that happens in a run follows from its seed, so a run that fails happens again in the
same way as often as somebody wants to look at it.
"""

from motif.simulation.run import Outcome, simulate

__all__ = ["Outcome", "simulate"]
