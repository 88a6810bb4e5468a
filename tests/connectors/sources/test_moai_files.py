"""Folders of MoAI-Flow are read file by file: one that cannot be read keeps none of the others."""

import json
import os
from pathlib import Path

import pytest

from connectors.contract import Item, Report
from connectors.sources import moai
from connectors.sources.moai import Moai
from tests.connectors.sources.moai_samples import database, record, row, save


def items(path: Path) -> tuple[list[Item], Report]:
    """All that is read, and what the reading met."""
    source, report = Moai(), Report()
    return list(source.read(source.files(path), report)), report


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.json", json.dumps(record()).encode()[:-9]),
        ("empty.json", b""),
        ("latin.json", b'{"pattern_id":"\xff","data":{}}'),
        ("nan.json", b'{"pattern_id":"p","data":{"coverage_percent":NaN}}'),
    ],
)
def test_what_is_no_json_is_counted_and_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    save(tmp_path, "whole.json", record())

    found, report = items(tmp_path)

    assert (len(found), report.broken) == (1, 1)
    assert [
        str(fault).startswith(f"{tmp_path / name} is no JSON: ") for fault in report.faults
    ] == [True]


@pytest.mark.parametrize("content", [b"no gzip", b"\x1f\x8b\x08\0cut", b"\x1f\x8b"])
def test_what_is_no_gzip_is_counted_and_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json.gz").write_bytes(content)

    found, report = items(tmp_path)

    assert (found, report.broken) == ([], 1)
    [fault] = report.faults
    assert str(fault).startswith(f"{tmp_path}/a.json.gz is no whole gzip: ")


def test_other_json_is_left_out_and_counted(tmp_path: Path) -> None:
    save(tmp_path, "package.json", {"name": "x"})
    save(tmp_path, "list.json", b"[1, 2]")

    found, report = items(tmp_path)

    assert found == []
    assert report.unknown == {"JSON that is no record": 2}


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_a_file_of_any_size_is_read_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(moai, "FILE_MAX", 1_000)
    save(tmp_path, f"a{suffix}", record(context={"metadata": {"a": "x" * 100_000}}))

    found, report = items(tmp_path)

    assert (found, report.broken) == ([], 1)
    assert [str(fault).partition(" ")[2] for fault in report.faults] == [
        "holds more than 1,000 bytes once it is unpacked"
    ]


def test_a_loop_of_links_is_not_followed(tmp_path: Path) -> None:
    save(tmp_path, "a/b.json", record())
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "a" / "self.json").symlink_to(tmp_path / "a" / "self.json")

    assert [path.name for path in Moai().files(tmp_path)] == ["b.json"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)

    assert Moai().files(tmp_path) == []
    found, report = items(pipe)
    assert (found, report.unreadable_files) == ([], 1)
    assert [str(fault) for fault in report.faults] == [f"{pipe} cannot be read: it is no file"]


def test_of_a_folder_as_much_is_read_as_can_be(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"x")
    save(tmp_path, "a.json", record())
    database(tmp_path / "patterns.db", [row()])

    found, report = items(tmp_path)

    assert (len(found), report.unreadable_files) == (2, 1)
    [fault] = report.faults
    assert (Path(fault.file).name, fault.line) == ("broken.db", None)
    assert fault.reason.startswith("has no table patterns: ")
