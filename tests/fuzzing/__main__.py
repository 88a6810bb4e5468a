"""The campaign against the decoders of devices: `make fuzz-devices`.

First many frames are read by four readers, and their differences are counted by class. Then each
decoder is fuzzed for a share of the time, guided by which lines of it a frame reaches.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from schemas.clock import monotonic_s
from tests.fuzzing.differences import UNLISTED, found_in
from tests.fuzzing.frames import KINDS, case


def main(words: Sequence[str]) -> int:
    """Run both parts; 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--frames", type=int, default=70_000, help="frames that are compared")
    parser.add_argument("--seconds", type=int, default=600, help="how long decoders are fuzzed")
    parser.add_argument("--seed", type=int, default=0, help="where the seeds of frames begin")
    asked = parser.parse_args(words)
    clean = compared(asked.frames // len(KINDS), asked.seed * asked.frames)
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


def say(text: str) -> None:
    """A line on standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
