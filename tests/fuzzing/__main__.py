"""The campaign against the decoders of devices: `make fuzz-devices`.

First many frames are read by four readers, and their differences are counted by class. Then each
decoder is fuzzed for a share of the time, guided by which lines of it a frame reaches.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from schemas.clock import monotonic_s
from tests.fuzzing.decoders import DECODERS
from tests.fuzzing.differences import UNLISTED, found_in
from tests.fuzzing.frames import KINDS, case

PLACE: Final = Path(__file__).resolve().parents[2] / ".campaign" / "fuzz"
"""Where inputs that reach something new are kept for the next time, and those that fail."""

INPUT_MAX: Final = 16_384
PROBE_MAX: Final = 4_096
"""Bytes of an input at most; of a probe less, as every exchange of it is written and read again."""
ONE_MAX_S: Final = 5
"""How long one input may take; what takes longer hangs."""
MEMORY_MAX_MB: Final = 1_024

_DONE: Final = re.compile(r"DONE +cov: (\d+) ft: (\d+) corp: (\d+)/")
_RUNS: Final = re.compile(r"Done (\d+) runs in (\d+) second")


def main(words: Sequence[str]) -> int:
    """Run both parts; 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--frames", type=int, default=70_000, help="frames that are compared")
    parser.add_argument("--seconds", type=int, default=600, help="how long decoders are fuzzed")
    parser.add_argument("--seed", type=int, default=0, help="where the seeds of frames begin")
    parser.add_argument("--decoder", choices=DECODERS, help="this one alone")
    asked = parser.parse_args(words)
    clean = compared(asked.frames // len(KINDS), asked.seed * asked.frames)
    if asked.seconds and find_spec("atheris") is None:
        say("no decoder is fuzzed: atheris is not installed (tests/fuzzing/requirements.txt)")
        return 1
    names = [asked.decoder] if asked.decoder else list(DECODERS)
    for name in names if asked.seconds else ():
        clean = fuzzed(name, max(1, asked.seconds // len(names))) and clean
    return 0 if clean else 1


def compared(each: int, first: int) -> bool:
    """Compare so many frames of each kind, and say what differs; whether all of it is known."""
    began_s = monotonic_s()
    met: Counter[tuple[str, str, str]] = Counter()
    for kind in KINDS:
        for seed in range(first, first + each):
            made = case(kind, seed)
            found = {one for one in found_in(kind, made) if one is not None}
            met.update({(kind, one.library, one.difference) for one in found})
            for one in found:
                if one.difference == UNLISTED:
                    say(f"{kind}, seed {seed}, {one.library}, {one.field}: {made.frame.hex()}")
    took_s = monotonic_s() - began_s
    say(f"{each * len(KINDS):,} frames of {len(KINDS)} kinds in {took_s:.0f} s")
    for (kind, library, difference), number in sorted(met.items()):
        say(f"  {kind:18}{library:10}{number:8,}  {difference}")
    return not any(difference == UNLISTED for _, _, difference in met)


def fuzzed(name: str, seconds: int) -> bool:
    """Fuzz a decoder for so long, and say how far that reached; whether it withstood."""
    failed = PLACE / "failed"
    failed.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": PROBE_MAX if name.endswith("-probe") else INPUT_MAX,
        "timeout": ONE_MAX_S,
        "rss_limit_mb": MEMORY_MAX_MB,
        "artifact_prefix": f"{failed}/{name}-",
        "print_final_stats": 0,
    }
    command = [sys.executable, "-m", "tests.fuzzing.guided", name, str(PLACE / name)]
    command += [f"-{option}={value}" for option, value in options.items()]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    done, runs = _DONE.search(ran.stderr), _RUNS.search(ran.stderr)
    if ran.returncode or done is None or runs is None:
        say(f"{name} failed; the input is in {failed}\n{(ran.stdout + ran.stderr)[-SHOWN_MAX:]}")
        return False
    number, took_s = int(runs[1]), int(runs[2])
    say(f"{name}: {number:,} inputs in {took_s} s, {done[1]} places reached, {done[3]} inputs kept")
    return True


SHOWN_MAX: Final = 4_000


def say(text: str) -> None:
    """A line on standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
