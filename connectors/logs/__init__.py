"""The logs: in memory for simulation, in a SQLite file for one machine."""

from connectors.logs.memory import MemoryLog
from connectors.logs.sqlite import SqliteLog

__all__ = ["MemoryLog", "SqliteLog"]
