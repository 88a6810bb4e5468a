"""Simulating what may go wrong, from seeds."""

import logging
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motif.cli.options import AsJson, whole
from schemas.errors import MotifError

if TYPE_CHECKING:
    from motif.simulation import Outcome

SEEDS_MAX = 1_000_000_000


def simulate(
    seeds: Annotated[
        int, typer.Option(metavar="N", help="How many seeds to run.", parser=whole(1, SEEDS_MAX))
    ] = 20,
    first: Annotated[
        int, typer.Option(metavar="S", help="The first of them.", parser=whole(0, SEEDS_MAX))
    ] = 0,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="S",
            help="Run this one only, such as one that failed.",
            parser=whole(0, SEEDS_MAX),
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the learner, the federator and the projector through seeded faults, and check them.

    Nothing of yours is read or written. Exit code 1 if anything is not as it must be.
    """
    from motif.cli.output import print_json
    from motif.display.console import progress, stdout
    from motif.simulation import simulate as run

    # Torn projections are made anew, as they must be: that is no news here.
    logging.getLogger("projections").addHandler(logging.NullHandler())
    chosen = range(first, first + seeds) if seed is None else range(seed, seed + 1)
    faults: Counter[str] = Counter()
    done: list[Outcome] = []
    with progress() as tell:
        for one in chosen:
            done.append(run(one))
            faults += done[-1].faults
            if tell is not None:
                tell("simulating", len(done), len(chosen))
    failed = [outcome for outcome in done if outcome.difference]
    if as_json:
        print_json(_document(done, faults))
    else:
        stdout().print(_covered(chosen, faults))
    if failed:
        raise MotifError(_sentence(failed))


def _document(done: "list[Outcome]", faults: Counter[str]) -> dict[str, Any]:
    return {
        "seeds": [
            {"seed": one.seed, "digest": one.digest, "difference": one.difference} for one in done
        ],
        "faults": dict(sorted(faults.items())),
    }


def _covered(seeds: range, faults: Counter[str]) -> str:
    from motif.display.words import plural

    ran = f"Ran {plural(len(seeds), 'seed')}, {seeds[0]} to {seeds[-1]}."
    width = max(map(len, faults), default=0)
    return "\n".join([ran, *(f"{name:{width}} {faults[name]:>9,}" for name in sorted(faults))])


def _sentence(failed: "list[Outcome]") -> str:
    first = failed[0]
    more = f" ({len(failed) - 1} more seeds failed)" if len(failed) > 1 else ""
    return (
        f"seed {first.seed}: {first.difference}; "
        f"'motif simulate --seed {first.seed}' runs it again{more}"
    )
