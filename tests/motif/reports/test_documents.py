"""Reports as text and as a page: readable, whole, and nothing in them obeys what data says."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import motif
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.display.document import Document, Grid, Section
from motif.display.html import html
from motif.display.markdown import markdown, plain
from motif.display.reports import document
from motif.display.table import number, text
from motif.node import Node
from motif.reports import REPORTS
from schemas.envelope import Event
from schemas.events import ErrorOccurred, TaskCompleted

HOSTILE = "</td><script>alert(1)</script>\x1b[31m|`*x*`[a](http://b)\n# h"


class Tags(HTMLParser):
    """Every tag and attribute of a page, and the text between; unbalanced tags fail."""

    VOID = frozenset({"meta", "wbr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that learned records and runs, and two records with markup in their texts."""
    with motif.open(tmp_path_factory.mktemp("documents")) as opened:
        opened.publish([*records(5, 800), *workflow_runs(5, 200)])
        task = TaskCompleted(agent=HOSTILE, task_type=HOSTILE, success=False, duration_us=1)
        error = ErrorOccurred(error_type="X", error_message=HOSTILE, resolution=HOSTILE)
        opened.publish([Event("src", f"t{n}", task) for n in range(9)])
        opened.publish([Event("src", f"e{n}", error) for n in range(500)])
        yield opened


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_well_formed_and_needs_nothing_else(node: Node, name: str) -> None:
    page = Tags(html(document(node.report(name))))

    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section"}
    allowed |= {"div", "table", "thead", "tbody", "tr", "th", "td", "wbr", "ul", "li"}
    assert set(page.seen) <= allowed
    assert not {name for name, _ in page.attributes} & {"src", "href", "onload", "onclick"}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


@pytest.mark.parametrize("name", ["agents", "tasks", "errors"])
def test_markup_in_data_is_shown_and_not_obeyed(node: Node, name: str) -> None:
    report = document(node.report(name))

    page, lines = html(report), markdown(report)

    shown = "<script>alert(1)</script>"
    assert shown in "".join(Tags(page).text)
    assert "<script" not in page
    assert not re.search(r"(?<!\\)<script", lines)
    assert "\x1b" not in page + lines


@pytest.mark.parametrize("name", REPORTS)
def test_a_table_in_markdown_has_as_many_cells_in_every_row(node: Node, name: str) -> None:
    lines = markdown(document(node.report(name))).splitlines()

    tables: list[list[int]] = [[]]
    for line in lines:
        if line.startswith("|"):
            tables[-1].append(len(re.findall(r"(?<!\\)\|", line)))
        elif tables[-1]:
            tables.append([])
    found = [cells for cells in tables if cells]
    assert found
    assert all(len(set(cells)) == 1 and len(cells) > 2 for cells in found)


@pytest.mark.parametrize("name", REPORTS)
def test_no_two_columns_of_a_table_have_one_head(node: Node, name: str) -> None:
    for section in document(node.report(name)).sections:
        if section.grid is not None:
            heads = [column.head for column in section.grid.columns]
            assert len({*heads}) == len(heads), section.title


def test_a_name_may_be_broken_at_its_signs(node: Node) -> None:
    page = html(document(node.report("operations")))

    assert ">test:<wbr>pytest:<wbr>backend</td>" in page
    assert "white-space: nowrap" not in page.split("th {", 1)[1].split("}")[0]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (0, "No record is more than 5 spreads (MAD of logarithms) from the median of its pattern"),
        (1, "1 record is more than 5 spreads (MAD of logarithms) from the median of its pattern"),
        (2, "2 records are more than 5 spreads (MAD of logarithms) from the medians of their patt"),
    ],
)
def test_how_many_are_far_from_usual_is_a_sentence(node: Node, found: int, sentence: str) -> None:
    report = node.report("tasks", days=1)
    far = replace(report.anomalies, found=found)

    sections = {
        one.title: one.sentences for one in document(replace(report, anomalies=far)).sections
    }

    assert sections["Records far from usual"][0].startswith(sentence)


@pytest.mark.parametrize("name", REPORTS)
def test_both_formats_say_the_same(node: Node, name: str) -> None:
    report = document(node.report(name))

    page, lines = "".join(Tags(html(report)).text), markdown(report)

    for section in report.sections:
        assert section.title in page
        assert f"## {section.title}" in lines
        for row in () if section.grid is None else section.grid.rows:
            assert all(plain(cell) in lines for cell in row)


def test_the_columns_of_a_table_line_up_numbers_to_the_right() -> None:
    rows = [[f"r{n}", str(n)] for n in range(3)]
    made = Document("t", ["s"], [Section("x", grid=Grid([text("a"), number("b")], rows))])

    lines = markdown(made).splitlines()

    assert lines[6:] == [
        "| a   |   b |",
        "|-----|----:|",
        "| r0  |   0 |",
        "| r1  |   1 |",
        "| r2  |   2 |",
    ]


def test_a_report_over_nothing_is_a_few_sentences(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        said = markdown(document(node.report("tasks")))

    assert said == (
        "# Report on tasks\n\nNothing in the log has a time.\n\n"
        "There are no completed tasks in that time.\n"
    )


@given(st.text())
def test_no_text_becomes_markup_or_commands(outside: str) -> None:
    made = Document(outside, [outside], [Section(outside, [outside], items=[outside])])

    page, lines = html(made), markdown(made)

    plainest = Document("", [""], [Section("", [""], items=[""])])
    assert Tags(page).seen == Tags(html(plainest)).seen
    assert lines.replace("\n", "").isprintable()
    unescaped = re.sub(r"\\.|(?<=\s)\*(?=\s)", "", lines.replace("- ", "", 1))
    assert not set(unescaped) & set("<`*[]|~")
