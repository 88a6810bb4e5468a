"""Named places where a test may end the process as hard as a power cut would.

`MOTIF_FAILPOINT=log.append.before_commit:3` kills the process the third time it gets there;
unset, which is how everybody runs, a place costs one look at a constant.
"""

import os
import signal

_NAME, _, _NTH = os.environ.get("MOTIF_FAILPOINT", "").partition(":")
_PASSED: dict[str, int] = {}


def reach(name: str) -> None:
    """Say that `name` was reached; the process dies here if a test asked for it."""
    if not _NAME or name != _NAME:
        return
    _PASSED[name] = _PASSED.get(name, 0) + 1
    if _PASSED[name] >= int(_NTH or "1"):
        os.kill(os.getpid(), signal.SIGKILL)
