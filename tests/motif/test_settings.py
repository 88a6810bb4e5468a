"""Settings: what is allowed is read, what is not is named, what is unknown is warned about."""

from pathlib import Path

import pytest

from motif.opening import default_folder
from motif.settings import SETTINGS, Setting, Settings, from_environment
from schemas.errors import WrongUse


def test_an_empty_environment_says_nothing() -> None:
    assert from_environment({}) == Settings()


RULES = """
version = "1"
[[rule]]
id = "terraform"
signature = "deploy:terraform:all"
words = ["terraform"]
"""


def every_variable(folder: Path, rules: Path) -> dict[str, str]:
    """A value for every setting."""
    return {
        "MOTIF_DATA": str(folder),
        "MOTIF_LABEL": " build farm ",
        "MOTIF_MCP_SERVERS": "tracker, docs,",
        "MOTIF_OPERATION_RULES": str(rules),
        "MOTIF_AMEND_DAYS": "none",
        "MOTIF_NETWORKS": "10.1.0.0/16, 10.2.0.7",
        "MOTIF_ARCHIVE_AFTER": "4w",
        "MOTIF_PRUNE_AFTER": "none",
        "MOTIF_PARTITIONS": "16",
        "MOTIF_KAFKA": "one:9092, [::1]:9093",
        "MOTIF_KAFKA_PREFIX": "farm.",
        "MOTIF_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "MOTIF_KAFKA_SASL_MECHANISM": "scram-sha-256",
        "MOTIF_KAFKA_SASL_USERNAME": "motif",
        "MOTIF_KAFKA_SASL_PASSWORD": " s3cret ",
        "MOTIF_KAFKA_CA": __file__,
        "MOTIF_KAFKA_CERTIFICATE": __file__,
        "MOTIF_KAFKA_KEY": __file__,
        "MOTIF_KAFKA_KEY_PASSWORD": "s3cret too",
        "MOTIF_WORKER_FOLDER": str(folder),
        "MOTIF_WORKER_PORT": "6066",
        "MOTIF_LEARNERS": "2",
        "MOTIF_DEBUG": "Yes",
    }


def test_every_setting_is_read(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    stated = every_variable(tmp_path, rules)

    settings = from_environment(stated)

    assert stated.keys() == {setting.variable for setting in SETTINGS}
    assert settings == Settings(
        data=tmp_path,
        label="build farm",
        mcp_servers=frozenset({"tracker", "docs"}),
        partitions=16,
        kafka="one:9092,[::1]:9093",
        kafka_prefix="farm.",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-256",
        kafka_sasl_username="motif",
        kafka_sasl_password=" s3cret ",
        kafka_ca=Path(__file__),
        kafka_certificate=Path(__file__),
        kafka_key=Path(__file__),
        kafka_key_password="s3cret too",
        operation_rules=RULES,
        amend_days=0,
        networks=("10.1.0.0/16", "10.2.0.7"),
        archive_after=28.0,
        worker_folder=tmp_path,
        worker_port=6066,
        learners=2,
        debug=True,
    )
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_a_variable_that_is_empty_is_not_set(setting: Setting) -> None:
    """But a list of nobody is a list: whoever empties it wants none."""
    variable = setting.variable

    settings = from_environment({variable: ""})

    nothing = {"MOTIF_MCP_SERVERS": Settings(mcp_servers=frozenset())}
    assert settings == nothing.get(variable, Settings())


@pytest.mark.parametrize("text", ["none", " None "])
def test_no_rules_are_named_by_a_word(text: str) -> None:
    assert from_environment({"MOTIF_OPERATION_RULES": text}) == Settings(operation_rules="")


def test_rules_that_cannot_be_read_are_named_with_what_is_wrong(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.replace("deploy:", "fix:"))

    with pytest.raises(WrongUse, match=r"terraform.*fix:terraform:all"):
        from_environment({"MOTIF_OPERATION_RULES": str(rules)})
    with pytest.raises(WrongUse, match=r"MOTIF_OPERATION_RULES is .*it must be a TOML file"):
        from_environment({"MOTIF_OPERATION_RULES": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MOTIF_DATA", __file__),
        ("MOTIF_LABEL", "two\nlines"),
        ("MOTIF_LABEL", "x" * 65),
        ("MOTIF_MCP_SERVERS", "tracker;docs"),
        ("MOTIF_MCP_SERVERS", "x" * 65),
        ("MOTIF_NETWORKS", "0.0.0.0/0"),
        ("MOTIF_NETWORKS", "10.0.0.0/8; 10.1.0.0/16"),
        ("MOTIF_PARTITIONS", "0"),
        ("MOTIF_PARTITIONS", "1025"),
        ("MOTIF_PARTITIONS", "-4"),
        ("MOTIF_PARTITIONS", "4.0"),
        ("MOTIF_PARTITIONS", "٤"),
        ("MOTIF_PARTITIONS", "9" * 5000),
        ("MOTIF_KAFKA", "localhost"),
        ("MOTIF_KAFKA", "localhost:"),
        ("MOTIF_KAFKA", "localhost:65536"),
        ("MOTIF_KAFKA", "kafka://localhost:9092"),
        ("MOTIF_KAFKA", "one:9092,,two:9092"),
        ("MOTIF_KAFKA_PREFIX", "a/b"),
        ("MOTIF_KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("MOTIF_KAFKA_SASL_MECHANISM", "GSSAPI"),
        ("MOTIF_KAFKA_CA", "/nowhere/ca.pem"),
        ("MOTIF_KAFKA_KEY", "/"),
        ("MOTIF_DEBUG", "maybe"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(
    variable: str, value: str
) -> None:
    (allowed,) = [setting.allowed for setting in SETTINGS if setting.variable == variable]

    with pytest.raises(WrongUse) as refused:
        from_environment({variable: value})

    sentence = str(refused.value)
    assert sentence.startswith(variable)
    assert repr(value) in sentence
    assert allowed in sentence


def test_the_library_heeds_the_setting_of_the_folder_as_the_commands_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MOTIF_DATA", "~/mine")
    assert default_folder() == tmp_path / "mine"

    (tmp_path / "mine").write_text("no folder")
    with pytest.raises(WrongUse, match="MOTIF_DATA"):
        default_folder()


def test_an_unknown_variable_is_warned_about_with_the_one_that_was_meant() -> None:
    (warning,) = from_environment({"MOTIF_DTAA": "x", "HOME": "y"}).warnings

    assert "MOTIF_DTAA" in warning
    assert "did you mean MOTIF_DATA?" in warning


def test_a_variable_like_no_other_is_warned_about_with_all_there_are() -> None:
    (warning,) = from_environment({"MOTIF_XYZZY": "x"}).warnings

    assert all(setting.variable in warning for setting in SETTINGS)


def test_variables_of_tests_are_known() -> None:
    assert not from_environment({"MOTIF_FAILPOINT": "x", "MOTIF_TEST_KAFKA": "y"}).warnings
