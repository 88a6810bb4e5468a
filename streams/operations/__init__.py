"""Operations: what a workflow was asked to do, named `category:subcategory:target`.

* `streams.operations.signature`        the name of an operation
* `streams.operations.recognise`        from the texts of a workflow to its operations
* `streams.operations.rules`            the rules, and what a tool would cost
* `streams.operations.own`              rules that users write
* `streams.operations.characteristics`  what a request looks like
* `streams.operations.score`            0 to 100, as the first design had it
* `streams.operations.evaluate`         precision and recall against labels
* `streams.operations.coverage`         the requests that no rule knows

Nothing here reads a file, a clock or a log.
"""

from streams.operations.characteristics import Characteristics, characteristics
from streams.operations.coverage import Coverage, frequent_words, unmatched
from streams.operations.evaluate import Evaluation, Labelled, evaluate, labelled_of
from streams.operations.own import rules_of
from streams.operations.recognise import Recogniser, recognise, recogniser
from streams.operations.rules import BUILT_IN, OperationRules
from streams.operations.score import score
from streams.operations.signature import CATEGORIES, Recognised, normalised, parse_signature

__all__ = [
    "BUILT_IN",
    "CATEGORIES",
    "Characteristics",
    "Coverage",
    "Evaluation",
    "Labelled",
    "OperationRules",
    "Recognised",
    "Recogniser",
    "characteristics",
    "evaluate",
    "frequent_words",
    "labelled_of",
    "normalised",
    "parse_signature",
    "recognise",
    "recogniser",
    "rules_of",
    "score",
    "unmatched",
]
