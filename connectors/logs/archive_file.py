"""What is known of one file of an archive; apart, as reading one takes a large library."""

from typing import Final

import msgspec

FOLDER: Final = "archive"
"""Where the files are, within the folder of the log."""


class File(msgspec.Struct, frozen=True):
    """One file of the archive: what it holds, and its checksum."""

    number: int
    topic: str
    partition: int
    day: str
    records: int
    first: int
    last: int
    size: int
    sha256: str

    @property
    def path(self) -> str:
        """Where it is, within the archive's folder."""
        return f"{self.topic}/date={self.day}/{self.number:06d}.parquet"
