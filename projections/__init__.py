"""Tables derived from the log: the store, the projector that fills it, and the questions asked."""

from projections.adhoc import sql
from projections.anew import rebuild
from projections.projector import Projector
from projections.store import Store
from projections.verify import Difference, verify

__all__ = ["Difference", "Projector", "Store", "rebuild", "sql", "verify"]
