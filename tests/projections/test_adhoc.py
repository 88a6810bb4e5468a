"""Anybody's own query reads, and does nothing else."""

from pathlib import Path

import pytest

from projections import sql
from schemas.errors import WrongUse
from tests.projections.world import World


@pytest.fixture
def filled(world: World) -> World:
    """Three patterns to ask about."""
    for name in ("Bash", "Read", "Edit"):
        world.pattern("tool", name)
    world.project()
    return world


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * FROM patterns", 3),
        ("select 1;", 1),
        ("  -- why\n /* and\n how */ (SELECT 1)", 1),
        ("WITH p AS (SELECT kind FROM patterns) SELECT DISTINCT kind FROM p", 1),
        ("FROM v_top_patterns LIMIT 2", 2),
        ("VALUES (1), (2)", 2),
        ("DESCRIBE patterns", 22),
        ("SHOW TABLES", None),
        ("SUMMARIZE patterns", 22),
        ("SELECT 'drop table patterns; checkpoint' AS text", 1),
        ("SELECT * FROM patterns WHERE title = 'INSERT INTO x'", 0),
    ],
)
def test_reading_is_answered(filled: World, query: str, rows: int | None) -> None:
    found = sql(filled.store, query)

    assert found.num_rows == rows or (rows is None and found.num_rows > 20)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "the query is empty"),
        ("-- nothing", "the query is empty"),
        ("SELECT 1; SELECT 2", "has 2 statements"),
        ("SELECT 1; DROP TABLE positions", "has 2 statements"),
        ("INSERT INTO positions SELECT * FROM positions", "begins with INSERT"),
        ("WITH x AS (SELECT 1 AS a) DELETE FROM positions", "only reading is allowed"),
        ("UPDATE positions SET position = 0", "begins with UPDATE"),
        ("DELETE FROM positions RETURNING *", "begins with DELETE"),
        ("DROP TABLE positions", "begins with DROP"),
        ("CREATE TABLE mine AS SELECT 1", "begins with CREATE"),
        ("CREATE TEMP TABLE mine AS SELECT 1", "begins with CREATE"),
        ("ALTER TABLE positions ADD COLUMN a INTEGER", "begins with ALTER"),
        ("COPY patterns TO 'out.csv'", "begins with COPY"),
        ("EXPORT DATABASE 'out'", "begins with EXPORT"),
        ("ATTACH ':memory:' AS mine", "begins with ATTACH"),
        ("DETACH projection", "begins with DETACH"),
        ("USE memory", "begins with USE"),
        ("PRAGMA table_info('positions')", "begins with PRAGMA"),
        ("SET threads = 1", "begins with SET"),
        ("RESET memory_limit", "begins with RESET"),
        ("CALL pragma_version()", "begins with CALL"),
        ("CHECKPOINT", "begins with CHECKPOINT"),
        ("VACUUM", "begins with VACUUM"),
        ("INSTALL httpfs", "begins with INSTALL"),
        ("LOAD json", "begins with LOAD"),
        ("BEGIN", "begins with BEGIN"),
        ("PREPARE p AS SELECT 1", "begins with PREPARE"),
        ("EXPLAIN ANALYZE DELETE FROM positions", "begins with EXPLAIN"),
        ("SELECT * FROM checkpoint()", "calls checkpoint"),
        ("SELECT write_log('x')", "calls write_log"),
        ("SELECT * FROM query('SELECT 1')", "calls query"),
        ("SELECT * FROM read_csv('secret.csv')", "a file or the network"),
        ("SELECT * FROM read_text('secret.csv')", "a file or the network"),
        ("SELECT * FROM read_blob('secret.csv')", "a file or the network"),
        ("SELECT * FROM glob('*')", "a file or the network"),
        ("SELECT * FROM parquet_scan('x.parquet')", "a file or the network"),
        ("SELECT * FROM sniff_csv('secret.csv')", "a file or the network"),
        ("SELECT * FROM 'secret.csv'", "a file or the network"),
        ("SELECT * FROM 'https://example.org/x.parquet'", "a file or the network"),
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM patterns", "nothing"),
        ("SELECT 1 / 'x'", "not understood"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(
    filled: World, query: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("a\nsecret\n")
    before = filled.rows("positions")
    query = query.replace("'secret", f"'{tmp_path}/secret").replace("'out", f"'{tmp_path}/out")

    with pytest.raises(WrongUse, match=sentence):
        sql(filled.store, query)

    assert filled.rows("positions") == before
    assert not list(tmp_path.glob("out*"))


def test_python_objects_are_out_of_reach(filled: World) -> None:
    secret = {"a": [1]}

    with pytest.raises(WrongUse, match="secret"):
        sql(filled.store, "SELECT * FROM secret")

    assert secret


def test_the_wall_cannot_be_taken_down(filled: World) -> None:
    with filled.store.reading() as cursor, pytest.raises(Exception, match="locked"):
        cursor.execute("SET enable_external_access = true")


def test_parameters_are_bound(filled: World) -> None:
    found = sql(filled.store, "SELECT title FROM patterns WHERE title = ?", parameters=["Bash"])

    assert found.to_pylist() == [{"title": "Bash"}]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 50])
def test_rows_are_limited_on_request(filled: World, limit: int) -> None:
    found = sql(filled.store, "SELECT title FROM patterns", row_limit=limit)

    assert found.num_rows == min(limit, 3)
    assert found.column_names == ["title"]


def test_a_query_without_end_is_stopped(filled: World) -> None:
    with pytest.raises(WrongUse, match=r"longer than 0\.2 s"):
        sql(filled.store, "SELECT sum(hash(range)) FROM range(100000000000)", timeout_s=0.2)


def test_a_query_beyond_the_memory_is_stopped_and_the_next_one_is_answered(filled: World) -> None:
    greedy = "SELECT list(range) FROM range(200000000)"

    with pytest.raises(WrongUse, match=r"more memory|longer"):
        sql(filled.store, greedy)

    assert sql(filled.store, "SELECT 1").num_rows == 1
