"""Kind `model`: API calls of a model by an agent, with their tokens and cost."""

from operator import attrgetter

from schemas.events import ModelCalled
from streams.change import Change
from streams.fixedpoint import nano_usd
from streams.names import public_name
from streams.recognise.kind import Kind

KIND = Kind(
    name="model",
    parts=("agent", "model"),
    describes="one API response each; tokens by kind and in total, cost",
    outcomes=False,
    title=lambda parts: f"{parts[1]} by {parts[0]}",
    units={
        "input_tokens": "tokens",
        "output_tokens": "tokens",
        "cache_read_tokens": "tokens",
        "cache_write_tokens": "tokens",
        "total_tokens": "tokens",
        "cost": "usd",
    },
)

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_tokens_of = attrgetter(*_TOKENS)


def recognise(call: ModelCalled, at_us: int | None) -> list[Change]:
    """One occurrence; each measure only where the source states it."""
    stated = zip(_TOKENS, _tokens_of(call), strict=True)
    measures = [(name, tokens) for name, tokens in stated if tokens is not None]
    total = total_tokens(call)
    if total is not None:
        measures.append(("total_tokens", total))
    if call.cost_usd is not None:
        measures.append(("cost", nano_usd(call.cost_usd)))
    pattern = ("model", public_name(call.agent), public_name(call.model))
    return [Change(pattern, at_us, 1, 0, 0, (), tuple(measures))]


def total_tokens(call: ModelCalled) -> int | None:
    """The total the source states, else the sum of the parts where input and output are known."""
    if call.total_tokens is not None:
        return call.total_tokens
    if call.input_tokens is None or call.output_tokens is None:
        return None
    cached = (call.cache_read_tokens or 0) + (call.cache_write_tokens or 0)
    return call.input_tokens + call.output_tokens + cached
