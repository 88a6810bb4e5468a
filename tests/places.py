"""Where tests put their files: in memory, where the machine has enough of it.

Nearly all tests make logs and tables, and wait for a disk at every commit. What is tested is what
survives a process that is killed, which memory keeps as well as a disk does; that a commit reaches
the disk is a matter of settings, which tests of their own look at. Whoever sets TMPDIR decides.
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # nothing predictable is made in it
_GIB = 1 << 30
FREE_LEAST = 8 * _GIB
"""What must be free of the file system."""
AVAILABLE_LEAST = 12 * _GIB
"""What must be available of the memory, files and processes together."""


def in_memory() -> Path | None:
    """A folder that is kept in memory and large enough, None where there is none."""
    try:
        free = shutil.disk_usage(_MEMORY).free
        said = dict(
            line.split(":", 1) for line in Path("/proc/meminfo").read_text("utf-8").splitlines()
        )
        available = int(said["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    fits = free >= FREE_LEAST and available >= AVAILABLE_LEAST and os.access(_MEMORY, os.W_OK)
    return _MEMORY if fits else None


def choose() -> None:
    """Have temporary files made there, by this process and by all it starts."""
    folder = None if "TMPDIR" in os.environ else in_memory()
    if folder is not None:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
