"""What processes have taken of the processors, by what they are."""

import os
from pathlib import Path
from typing import Final

ROLES: Final = {
    "kafka.Kafka": "broker",
    "motif.learners": "learners",
    "-m faust": "worker",
    "[Faust:Worker]": "worker",  # which is what it calls itself once it runs
    "projector": "projector",
}
"""Words of a command line, and whose it is then."""

_TICKS_S: Final = os.sysconf("SC_CLK_TCK")


def spent() -> dict[str, float]:
    """Seconds of processor time that processes of each role have taken, and this one, as of now."""
    found: dict[str, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:  # It has ended.
            continue
        taken_s = (int(fields[11]) + int(fields[12])) / _TICKS_S
        mine = "this process" if int(folder.name) == os.getpid() else None
        role = mine or next((role for word, role in ROLES.items() if word in command), None)
        if role:
            found[role] = found.get(role, 0.0) + taken_s
    return found


def since(before: dict[str, float]) -> str:
    """What each role has taken since, as words."""
    now = spent()
    taken = {role: now[role] - before.get(role, 0.0) for role in now}
    return ", ".join(f"{role} {taken_s:.1f} s" for role, taken_s in taken.items() if taken_s > 0)
