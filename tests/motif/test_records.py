"""The checks of agent records, as the library shows them."""

import motif


def test_every_check_is_a_function_and_a_static_method() -> None:
    for name in (one for one in motif.__all__ if one.startswith("validate_")):
        assert getattr(motif, name) is getattr(motif.PatternSchema, name)
        assert not getattr(motif.PatternSchema, name)({"timestamp": 5, "environment": 5})


def test_a_type_is_its_name() -> None:
    assert motif.PatternType("agent_usage") is motif.PatternType.AGENT_USAGE
    assert f"{motif.PatternType.AGENT_USAGE}" == "agent_usage"
