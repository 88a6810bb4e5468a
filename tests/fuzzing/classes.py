"""The classes of differences between other readers and ours: who does what, against which clause.

Whether a class holds is told from the bytes of a frame (`structure`) and from what was read.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.fuzzing.frames import KINDS, Case
from tests.fuzzing.readers import Facts
from tests.fuzzing.structure import (
    answers,
    begins_with_identity,
    comes_twice,
    has_more_behind,
    has_strange_head,
    is_answer,
    is_exception,
    is_overloaded,
    objects_end,
    options_of,
    packet_fault,
    size_of,
)

MODBUS: Final = "Modbus application protocol V1.1b3"
ODVA: Final = "CIP Networks Library, volume 2"

ALL_MODBUS: Final = tuple(KINDS)[:4]
LISTED, MODULE, SIGHTING = tuple(KINDS)[4:]
BOTH: Final = ("pymodbus", "scapy")


class Difference(NamedTuple):
    """A class: of which frames and libraries, against which clause, who does what.

    `fields` are those that differ, none where one of the two refuses the frame. `holds` is asked
    with the frame, what we read and what they read.
    """

    name: str
    kinds: tuple[str, ...]
    libraries: tuple[str, ...]
    clause: str
    theirs: str
    ours: str
    fields: tuple[str, ...]
    holds: Callable[[Case, Facts, Facts], bool]


def looser(holds: Callable[[Case], bool]) -> Callable[[Case, Facts, Facts], bool]:
    """They read what we refuse, and this is why."""
    return lambda case, mine, theirs: not mine and bool(theirs) and holds(case)


def stricter(holds: Callable[[Case], bool]) -> Callable[[Case, Facts, Facts], bool]:
    """They refuse what we read, and this is why."""
    return lambda case, mine, theirs: bool(mine) and not theirs and holds(case)


def stops_early(case: Case, mine: Facts, theirs: Facts) -> bool:
    """Whether they read the first of our options and no more."""
    del case
    read = len(theirs["options"])
    return bool(read < len(mine["options"]) and mine["options"][:read] == theirs["options"])


OPTIONS: Final = ("options", "type", "parameters", "class")
IDENTITY: Final = (
    *("address", "version", "vendor", "device_type", "product", "revision"),
    *("status", "serial", "name", "state"),
)

DIFFERENCES: Final[tuple[Difference, ...]] = (
    Difference(
        "another function",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 4.1: a reply echoes the function of its request",
        "decodes whatever function the reply has, as it is not told the request",
        "refuse it",
        (),
        looser(lambda case: not is_answer(case)),
    ),
    Difference(
        "bytes behind an exception",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 7: an exception is a function and a code",
        "takes the code and drops what stands behind it",
        "refuse it",
        (),
        looser(lambda case: is_exception(case) and len(case.frame) > 2),
    ),
    Difference(
        "strange head of an identification",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.21: kind 14, the code that was asked for, more follows 00 or FF",
        "does not look at the kind, the code or more follows",
        "refuse it",
        (),
        looser(lambda case: answers(case, 43) and has_strange_head(case)),
    ),
    Difference(
        "cut object",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.21: an object has as many bytes as its length says",
        "takes an object that is shorter than it says, or passes over its first byte",
        "refuse it",
        (),
        looser(lambda case: answers(case, 43) and objects_end(case.frame)[0] != len(case.frame)),
    ),
    Difference(
        "more objects than declared",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.21: the reply says how many objects it has",
        "reads on behind the objects that are declared, or drops them where none is",
        "refuse it",
        (),
        looser(lambda case: answers(case, 43) and objects_end(case.frame)[1] > case.frame[6]),
    ),
    Difference(
        "no object of those declared",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.21: the reply says how many objects it has",
        "takes it for a reply without objects",
        "refuse it",
        (),
        looser(lambda case: answers(case, 43) and len(case.frame) == 7 and case.frame[6] > 0),
    ),
    Difference(
        "object that comes twice",
        ALL_MODBUS,
        ("pymodbus",),
        f"{MODBUS}, 6.21: an object has one value",
        "makes a list of its values",
        "keep the first",
        ("objects",),
        lambda _, __, theirs: any(isinstance(one, list) for one in theirs["objects"].values()),
    ),
    Difference(
        "last byte of a server id",
        ALL_MODBUS,
        ("pymodbus",),
        f"{MODBUS}, 6.13: the contents are specific to each device",
        "takes the last byte for the run indicator, whose value it loses",
        "keep all bytes",
        ("server id",),
        lambda _, mine, theirs: bool(theirs["server id"] == mine["server id"][:-1]),
    ),
    Difference(
        "empty server id",
        ALL_MODBUS,
        ("pymodbus",),
        f"{MODBUS}, 6.13: the byte count says how many bytes follow",
        "refuses a reply that says nothing",
        "take it as one that says nothing",
        (),
        stricter(lambda case: case.frame == b"\x11\0"),
    ),
    Difference(
        "run indicator behind a server id",
        ALL_MODBUS,
        ("scapy",),
        f"{MODBUS}, 6.13: the byte count covers the run indicator",
        "looks for the run indicator behind the bytes that are counted, and refuses without it",
        "take the bytes that are counted",
        (),
        stricter(lambda case: answers(case, 17) and len(case.frame) == 2 + case.frame[1]),
    ),
    Difference(
        "bytes behind a server id",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.13: the byte count says how many bytes follow",
        "drops what stands behind the server id, or takes it for the run indicator",
        "refuse it",
        (),
        looser(lambda case: answers(case, 17) and len(case.frame) > 2 + case.frame[1]),
    ),
    Difference(
        "another number of values",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.1 to 6.4: the byte count follows from the quantity that was asked for",
        "takes any byte count, as it is not told the request",
        "refuse it",
        (),
        looser(
            lambda case: answers(case, 1, 2, 3, 4) and case.frame[1:2] != bytes((size_of(case),))
        ),
    ),
    Difference(
        "values cut off or continued",
        ALL_MODBUS,
        BOTH,
        f"{MODBUS}, 6.1 to 6.4: as many bytes follow as are counted",
        "takes the values that are there, and drops or takes what stands behind them",
        "refuse it",
        (),
        looser(lambda case: answers(case, 1, 2, 3, 4) and len(case.frame) != 2 + size_of(case)),
    ),
    Difference(
        "many values",
        ALL_MODBUS,
        ("scapy",),
        f"{MODBUS}, 6.1 to 6.4: up to 125 registers, or 2,000 bits in 250 bytes",
        "has 123 registers for the most of function 3, and 100 registers or bytes of the others",
        "take all",
        (),
        stricter(lambda case: case.frame[1] > {3: 246, 4: 200}.get(case.request[0], 100)),
    ),
    Difference(
        "packet that does not fit its head",
        (LISTED,),
        ("pycomm3", "scapy"),
        f"{ODVA}, encapsulation header: command, length of the data, status 0, options 0",
        "looks at nothing of the header, or at the command only",
        "refuse it",
        (),
        looser(lambda case: packet_fault(case.frame) == "head"),
    ),
    Difference(
        "items that do not fit",
        (LISTED,),
        ("pycomm3", "scapy"),
        f"{ODVA}, common packet format: a number of items, each with its length",
        "reads an identity without regard to the number of items and the length of each",
        "refuse it",
        (),
        looser(lambda case: packet_fault(case.frame) in {"items", "identity"}),
    ),
    Difference(
        "item that is no identity",
        (LISTED,),
        ("pycomm3", "scapy"),
        f"{ODVA}, ListIdentity: the item of an identity has type 000C",
        "reads whatever the first item is as an identity",
        "refuse a reply without one",
        (),
        looser(lambda case: packet_fault(case.frame) == "absent"),
    ),
    Difference(
        "identity that is not the first item",
        (LISTED,),
        ("pycomm3", "scapy"),
        f"{ODVA}, ListIdentity: the item of an identity has type 000C",
        "reads whatever the first item is as an identity, or fails in it",
        "take the first item of that type",
        (*IDENTITY, ""),
        lambda case, _, __: not begins_with_identity(case),
    ),
    Difference(
        "identity without a state",
        (LISTED,),
        ("pycomm3", "scapy"),
        f"{ODVA}, ListIdentity: the state is the last byte of the item",
        "refuses it, or takes the next byte of the packet for the state",
        "take it as one that does not tell its state",
        ("state", ""),
        lambda case, mine, _: bool(begins_with_identity(case) and mine and mine["state"] is None),
    ),
    Difference(
        "name that is cut off",
        (MODULE,),
        ("pycomm3",),
        "CIP Networks Library, volume 1, short string: as many bytes follow as are counted",
        "takes the bytes that are there",
        "refuse it",
        (),
        looser(lambda case: 0 < len(case.frame) - 15 < case.frame[14]),
    ),
    Difference(
        "reply from a server",
        (SIGHTING,),
        ("scapy",),
        "RFC 951, 3: operation 1 is a request",
        "reads any operation",
        "refuse what no device sent",
        (),
        looser(lambda case: case.frame[0] != 1),
    ),
    Difference(
        "head of a request cut off",
        (SIGHTING,),
        ("scapy",),
        "RFC 951, 3: 236 bytes before the vendor's area",
        "takes the fields that are there",
        "refuse it",
        (),
        looser(lambda case: len(case.frame) < 236),
    ),
    Difference(
        "hardware address of more than 16 bytes",
        (SIGHTING,),
        ("scapy",),
        "RFC 951, 3: the field has 16 bytes",
        "takes 16 bytes, whatever length is stated",
        "refuse it",
        (),
        looser(lambda case: case.frame[2] > 16),
    ),
    Difference(
        "option that is cut off",
        (SIGHTING,),
        ("scapy",),
        "RFC 2132, 2: as many bytes follow as are counted",
        "keeps the options before it",
        "refuse it",
        (),
        looser(lambda case: options_of(case.frame)[1] is None or is_overloaded(case)),
    ),
    Difference(
        "options in fields of the header",
        (SIGHTING,),
        ("scapy",),
        "RFC 2132, 9.3: option 52 says that `file` and `sname` hold options",
        "does not look there",
        "read them behind the others",
        OPTIONS,
        lambda case, _, __: is_overloaded(case),
    ),
    Difference(
        "options behind the end",
        (SIGHTING,),
        ("scapy",),
        "RFC 2132, 3.2: the end option marks the end",
        "reads on behind it",
        "stop there",
        OPTIONS,
        lambda case, _, __: has_more_behind(case),
    ),
    Difference(
        "value of another length than its type's",
        (SIGHTING,),
        ("scapy",),
        "RFC 2132: an option has the length of its type",
        "gives up at a value that does not fit its type, with all options behind",
        "keep the bytes",
        OPTIONS,
        stops_early,
    ),
    Difference(
        "option in parts",
        (SIGHTING,),
        ("scapy",),
        "RFC 3396, 7: parts of one option are joined",
        "keeps the parts apart",
        "join them",
        OPTIONS,
        lambda case, _, __: comes_twice(case),
    ),
)
"""Every class of difference, asked in this order."""
