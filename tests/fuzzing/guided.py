"""One decoder under a fuzzer that is guided by coverage: `python -m tests.fuzzing.guided NAME ...`.

What follows the name is the folder of inputs, and options of libFuzzer.
"""

import sys
from collections.abc import Sequence
from pathlib import Path


def main(words: Sequence[str]) -> None:
    """Fuzz until libFuzzer has had enough; it ends the process itself.

    The decoders are loaded here for the first time, so that every branch of them is seen.
    """
    import atheris

    with atheris.instrument_imports(include=["connectors.devices", "schemas.vendors"]):
        from tests.fuzzing.decoders import DECODERS, seeds

    name, corpus, *options = words
    place = Path(corpus)
    place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (place / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], corpus, *options], DECODERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
