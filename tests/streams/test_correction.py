"""Kind `correction`: what is corrected, by type and category, and how severe it was."""

from typing import Any

from schemas.events import UserCorrected
from streams.change import Change
from streams.recognise.correction import recognise


def change(**fields: Any) -> Change:
    stated = {"original_output": "x", "corrected_output": "y", "correction_type": "naming"}
    [found] = recognise(UserCorrected.model_validate({**stated, "agent": "a", **fields}), 5)
    return found


def test_a_correction_is_an_occurrence_of_its_type_and_category() -> None:
    assert change() == Change(("correction", "a", "naming", "none"), 5)
    assert change(correction_category="style").pattern[3] == "style"


def test_how_severe_it_was_is_counted_where_it_is_known() -> None:
    assert change(severity="critical").counts == ("severity.critical",)


def test_private_names_are_masked() -> None:
    found = change(agent="/home/ann", correction_category="please do it like this now")

    assert found.pattern == ("correction", "masked", "naming", "masked")
