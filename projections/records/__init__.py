"""Single records, kept to be found: a SQLite file beside the projection, made again at will.

The projector keeps it, one transaction behind the tables (`following`); whoever asks opens it for
reading (`find`).
"""

from projections.records.compare import compared
from projections.records.file import RECORDS
from projections.records.find import Page, Record, load, page
from projections.records.following import Following
from projections.records.question import Wanted

__all__ = ["RECORDS", "Following", "Page", "Record", "Wanted", "compared", "load", "page"]
