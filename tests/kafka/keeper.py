"""Keeps a process for as long as somebody holds the other end of standard input, and no longer.

`python keeper.py COMMAND...` starts the command, writes its process id to standard output, and
waits for standard input to end. It ends when the owner lets go, and also when the owner is killed,
whatever the signal: the system closes what a dead process held. Then the command is killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> None:
    """Run the command until it ends or nobody wants it any more; leave with its exit code."""
    kept = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - there is one thread yet
    )
    threading.Thread(target=_follow, args=(kept,), daemon=True).start()
    sys.stdout.write(f"{kept.pid}\n")
    sys.stdout.flush()
    while os.read(0, 1):
        pass
    kept.kill()
    kept.wait()


def _follow(kept: "subprocess.Popen[bytes]") -> None:
    """Leave as soon as the command has ended, with what it ended with."""
    code = kept.wait()
    os._exit(code if code >= 0 else 128 - code)


def die_with_parent() -> None:
    """Ask Linux to kill this process when the one that started it is killed itself."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
