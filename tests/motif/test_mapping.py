"""Data points of sorts: read from CSV and JSON, stated, exported and imported."""

import json
from pathlib import Path

import pytest

import motif
from motif import defining
from motif.device_patterns import device_pattern, device_patterns
from motif.mapping import map_points, read_points
from schemas.errors import SourceUnreadable
from tests.motif.conftest import Run
from tests.motif.test_cli_devices import METER, data

__all__ = ["data"]

CSV = """tag_name,address,data_type,scale_factor,unit,description
voltage_l1,40001,uint16,0.1,V,Phase 1
energy,40011,float32,,kWh,
"""
VOLTAGE = {
    "tag_name": "voltage_l1",
    "address": "40001",
    "data_type": "uint16",
    "scale_factor": 0.1,
    "unit": "V",
    "description": "Phase 1",
}
ENERGY = {
    "tag_name": "energy",
    "address": "40011",
    "data_type": "float32",
    "scale_factor": 1.0,
    "unit": "kWh",
    "description": None,
}


def written(folder: Path, text: str, name: str = "points.csv") -> Path:
    """A file with this text."""
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_data_points_stand_in_the_configuration_of_a_client(
    run: Run, data: Path, tmp_path: Path
) -> None:
    file = written(tmp_path, CSV)

    told = run("devices", "points", METER, file, "--data", data).err
    profile = json.loads(run("devices", "profile", METER, "--data", data).out)
    shown = run("devices", "show", METER, "--data", data).out
    history = run("devices", "history", METER, "--data", data).out

    assert "acme m-1 revision 2 by modbus.tcp has 2 data points." in told
    assert profile["communication_profile"]["data_point_mappings"] == [VOLTAGE, ENERGY]
    assert "data points       2" in shown
    assert "given, data points: 2" in history


def test_the_newest_list_counts_and_goes_along_with_its_sort(data: Path, tmp_path: Path) -> None:
    with motif.open(data) as node:
        for text in (CSV, CSV.partition("energy")[0]):
            map_points(node, device_pattern(node, METER), read_points(written(tmp_path, text)))
        node.settle()
        file = tmp_path / "sorts.json"
        file.write_bytes(defining.exported(node))
    with motif.open(tmp_path / "elsewhere") as other:
        defining.import_file(other, file)
        other.settle()
        found = {
            one.signature: [
                point.tag_name for point in one.communication_profile.data_point_mappings
            ]
            for one in device_patterns(other)
        }
        assert defining.exported(other) == file.read_bytes()

    assert found[METER] == ["voltage_l1"]


def test_a_configuration_is_a_list_of_data_points_too(run: Run, data: Path, tmp_path: Path) -> None:
    run("devices", "points", METER, written(tmp_path, CSV), "--data", data)
    profile = written(tmp_path, run("devices", "profile", METER, "--data", data).out, "meter.json")

    assert read_points(profile) == [VOLTAGE, ENERGY]
    assert read_points(written(tmp_path, json.dumps([VOLTAGE]))) == [VOLTAGE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "its header lacks tag_name"),
        ("tag_name,address\na,1", "its header lacks data_type"),
        ("tag_name,address,data_type,colour\n", "has 'colour', which means nothing"),
        ("tag_name,address,data_type\na,1", "line 2: not as many columns"),
        ("tag_name,address,data_type\na,1,int16,9", "line 2: not as many columns"),
        ("tag_name,address,data_type\n,1,int16", "data point 1: tag_name: Field required"),
        ("tag_name,address,data_type,scale_factor\na,1,b,x", "scale_factor is 'x', no number"),
        ("tag_name,address,data_type,scale_factor\na,1,b,inf", "data point 1: scale_factor"),
        ("[", "cannot be read as JSON"),
        ("[" * 200_000, "cannot be read as JSON"),
        ("[" + "1," * 70_000 + "1]", "has 70,001 data points; 65,536 are the most"),
        ("tag_name,address,data_type\n" + "a" * 200_000 + ",1,b", "behind line 1: field larger"),
        ("{}", "holds no list of data points"),
        ('[{"tag_name": "a", "address": 1, "data_type": "b"}]', "data point 1: address"),
        ("[1]", "data point 1"),
    ],
)
def test_what_is_no_list_of_data_points_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SourceUnreadable, match=says):
        read_points(written(tmp_path, text))


def test_an_entry_with_points_that_cannot_be_is_refused(tmp_path: Path) -> None:
    entry = {"protocol": "modbus.tcp", "vendor": "Acme", "product_code": "M-1"}
    wrong = {"patterns": [entry | {"data_points": [{"tag_name": "a"}]}]}
    with motif.open(tmp_path / "node") as node:
        found = defining.import_file(node, written(tmp_path, json.dumps(wrong)))

    assert (found.imported, len(found.refused)) == (0, 1)
    assert "its data points are not what they can be" in found.refused[0]
