"""The licences of everything Motif brings along, as the installed packages state them."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The Repoze licence is BSD's three clauses and one on trade marks.
PERMISSIVE = re.compile(
    r"MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Repoze|Zlib|CC0|Unlicense",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"GPL|General Public|Mozilla|MPL|EUPL|CDDL|SSPL", re.IGNORECASE)
FOR_TESTS_ONLY = sorted(Path(__file__).parent.rglob("requirements.txt"))
IN_TESTS_ONLY = {"certifi", "hypothesis", "pathspec"}  # MPL-2.0: used to test, never shipped


def test_what_users_install_is_under_permissive_licences() -> None:
    licences = {name: licence(found) for name, found in brought_along(extra="").items()}
    with_kafka = {name: licence(found) for name, found in brought_along(extra="kafka").items()}

    assert len(with_kafka) > len(licences) > 8
    assert not {name: text for name, text in with_kafka.items() if not is_permissive(text)}


def test_what_developers_install_is_permissive_but_for_the_named() -> None:
    licences = {name: licence(found) for name, found in brought_along(extra="dev").items()}

    assert {name for name, text in licences.items() if not is_permissive(text)} <= IN_TESTS_ONLY


def test_what_only_tests_may_use_is_in_no_extra() -> None:
    """Whatever its licence, it reaches nobody who installs Motif with any of its extras."""
    named = [
        Requirement(line.partition("#")[0])
        for file in FOR_TESTS_ONLY
        for line in file.read_text("utf-8").splitlines()
        if line.partition("#")[0].strip()
    ]
    told = field(distribution("motif"), "Provides-Extra")
    installed = {name for extra in ("", *told) for name in brought_along(extra)}

    assert "pytest" in installed
    assert named
    assert not {canonicalize_name(one.name) for one in named} & installed


@pytest.mark.parametrize(
    ("text", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-2-Clause", True),
        ("MPL-2.0", False),
        ("GNU Lesser General Public License", False),
        ("", False),
    ],
)
def test_a_licence_is_told_by_its_text(text: str, permissive: bool) -> None:
    assert is_permissive(text) is permissive


def is_permissive(text: str) -> bool:
    """Whether the text names a permissive licence and no copyleft one."""
    return bool(PERMISSIVE.search(text)) and not COPYLEFT.search(text)


def licence(found: Distribution) -> str:
    """What a distribution says of its licence, in whichever of the three fields it says it."""
    classifiers = [text for text in field(found, "Classifier") if text.startswith("License ::")]
    # The old field may hold a whole licence; its first line names it.
    old = [text.partition("\n")[0] for text in field(found, "License")]
    return "; ".join(field(found, "License-Expression") or classifiers or old)


def field(found: Distribution, name: str) -> list[str]:
    """Every value of a metadata field."""
    return [str(value) for value in found.metadata.get_all(name) or []]


def brought_along(extra: str) -> dict[str, Distribution]:
    """Every distribution that `motif` or `motif[extra]` needs here, directly or not."""
    found: dict[str, Distribution] = {}
    wanted = [f"motif[{extra}]" if extra else "motif"]
    while wanted:
        requirement = Requirement(wanted.pop())
        name = canonicalize_name(requirement.name)
        try:
            needed = found.setdefault(name, distribution(requirement.name))
        except PackageNotFoundError:
            continue  # an optional part of a dependency that nobody asked for
        for line in needed.requires or []:
            nested = Requirement(line)
            extras = requirement.extras or {""}
            applies = not nested.marker or any(
                nested.marker.evaluate({"extra": extra}) for extra in extras
            )
            if applies and canonicalize_name(nested.name) not in found:
                wanted.append(line)
    return found
