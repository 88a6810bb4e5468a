"""Goes on as another program, which Linux kills when whoever started it is killed.

`python tied.py COMMAND...` keeps its process id and its session, so signals go where they would.
"""

import ctypes
import os
import signal
import sys


def main(command: list[str]) -> None:
    """Ask for the signal, then become the command."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    os.execvp(command[0], command)  # noqa: S606  # a program of ours


if __name__ == "__main__":
    main(sys.argv[1:])
