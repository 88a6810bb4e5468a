"""Files that are whole after a crash: written beside, made durable, and put in their place."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Make this the content of a file, durable on return; interrupted, the old one is there.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make durable which files stand in a folder, under which names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
