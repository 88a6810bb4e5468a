"""What a frame looks like, told from its bytes by code that shares nothing with our decoders."""

from tests.fuzzing.frames import Case


def is_answer(case: Case) -> bool:
    """Whether a reply has the function that was asked for, or its exception."""
    return bool(case.frame) and case.frame[0] & 0x7F == case.request[0]


def answers(case: Case, *functions: int) -> bool:
    """Whether a reply answers one of these functions, and not by an exception."""
    return case.request[0] in functions and case.frame[:1] == case.request[:1]


def is_exception(case: Case) -> bool:
    """Whether a reply is an exception to what was asked."""
    return case.frame[0] == case.request[0] | 0x80


def objects_end(frame: bytes) -> tuple[int, int]:
    """Where the last object of an identification ends that is stated, and how many there are."""
    at, number = 7, 0
    while at + 2 <= len(frame):
        at, number = at + 2 + frame[at + 1], number + 1
    return at, number


def has_strange_head(case: Case) -> bool:
    """Whether kind, code or more follows are not those of an answer."""
    frame = case.frame
    return frame[1] != 14 or frame[2] != case.request[2] or frame[4] not in {0, 255}


def size_of(case: Case) -> int:
    """How many bytes of values a request asks for."""
    count = int.from_bytes(case.request[3:5])
    return (count + 7) // 8 if case.request[0] < 3 else 2 * count


def packet_fault(frame: bytes) -> str | None:
    """Why a packet is no ListIdentity reply: its head, its items, or the identity in them."""
    if len(frame) < 26 or frame[:2] != b"\x63\0" or any(frame[8:12]) or any(frame[20:24]):
        return "head"
    if int.from_bytes(frame[2:4], "little") != len(frame) - 24:
        return "head"
    at, kinds = 26, []
    for _ in range(int.from_bytes(frame[24:26], "little")):
        if at + 4 > len(frame):
            return "items"
        size = int.from_bytes(frame[at + 2 : at + 4], "little")
        kinds.append((int.from_bytes(frame[at : at + 2], "little"), frame[at + 4 : at + 4 + size]))
        at += 4 + size
        if at > len(frame):
            return "items"
    if at != len(frame) or len(kinds) > 64:
        return "items"
    identity = next((data for kind, data in kinds if kind == 0x0C), None)
    if identity is None:
        return "absent"
    return "identity" if len(identity) < 33 or len(identity) < 33 + identity[32] else None


def begins_with_identity(case: Case) -> bool:
    """Whether the first item of a packet is the identity."""
    return case.frame[26:28] == b"\x0c\0"


def options_of(frame: bytes) -> tuple[list[tuple[int, bytes]], bytes | None]:
    """The options behind the cookie, and what stands behind their end; None where one is cut."""
    at = 240
    found: list[tuple[int, bytes]] = []
    while at < len(frame):
        code = frame[at]
        if code == 255:
            return found, frame[at + 1 :]
        if code == 0:
            at += 1
            continue
        if at + 2 > len(frame) or at + 2 + frame[at + 1] > len(frame):
            return found, None
        found.append((code, frame[at + 2 : at + 2 + frame[at + 1]]))
        at += 2 + frame[at + 1]
    return found, b""


def has_more_behind(case: Case) -> bool:
    """Whether something that is no padding stands behind the end of options."""
    return bool((options_of(case.frame)[1] or b"").strip(b"\0\xff"))


def is_overloaded(case: Case) -> bool:
    """Whether fields of the header hold options as well."""
    return any(
        code == 52 and value[:1] and value[0] & 3 for code, value in options_of(case.frame)[0]
    )


def comes_twice(case: Case) -> bool:
    """Whether an option is given in parts."""
    codes = [code for code, _ in options_of(case.frame)[0]]
    return len(set(codes)) < len(codes)
