from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from coral.config.agent_file import AGENT_SETTINGS
from coral.config.colony_file import COLONY_SETTINGS, TABLE_AGES, TIER_AGES
from coral.config.query_settings import QUERY_SETTINGS
from coral.config.settings import Configuration, configure
from coral.errors import ConfigError
from coral.query_limits import DEFAULT_QUERY_LIMITS, QueryLimits
from coral.store.duckdb.tables import COLONY_TABLES
from coral.store.duckdb.tiers import DEFAULT_AGES


def read(tmp_path: Path, text: str, **flags: object) -> Configuration:
    path = tmp_path / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    return configure(AGENT_SETTINGS, flags=flags, file=path, environment={})


FULL = """
colony: 127.0.0.1:9000
fleet: 127.0.0.1:9001
tls_ca: system
token_file: web.token
id: web-1
data: var/agent
labels: {region: us-east, rack: 7}
otlp:
  grpc: 0.0.0.0:4317
  http: "[::1]:0"
rollup_interval: 5s
host_interval: 1m30s
retention: 2h
max_data_bytes: 2GiB
max_buffer_bytes: 536870912
limits: {services: 50, operations_per_service: 60, operations: 70}
functions: {payments: bin/payments, orders: "pid:12", carts: "port:8080"}
metrics: off
self_telemetry: {otlp_endpoint: collector.internal:4317, interval: 10s}
log: {level: info, format: json}
script:
  enabled: true
  deno_path: /usr/local/bin/deno
  max_concurrent: 5
  memory_limit_mb: 512
  timeout_seconds: 300
  sdk_server_port: 9003
"""


def test_a_file_with_every_key(tmp_path: Path) -> None:
    found = read(tmp_path, FULL)
    assert found.problems == ()
    assert {key: effective.value for key, effective in found.values.items()} == {
        "colony": "127.0.0.1:9000",
        "fleet": "127.0.0.1:9001",
        "tls_ca": "system",
        "token_file": tmp_path / "web.token",
        "id": "web-1",
        "data": tmp_path / "var/agent",
        "labels": {"region": "us-east", "rack": "7"},
        "otlp.grpc": "0.0.0.0:4317",
        "otlp.http": "[::1]:0",
        "rollup_interval": 5.0,
        "host_interval": 90.0,
        "retention": 7200.0,
        "max_data_bytes": 2 * 1024**3,
        "max_buffer_bytes": 536870912,
        "limits.services": 50,
        "limits.operations_per_service": 60,
        "limits.operations": 70,
        "functions": {
            "payments": str(tmp_path / "bin/payments"),
            "orders": "pid:12",
            "carts": "port:8080",
        },
        "metrics": None,
        "self_telemetry.otlp_endpoint": "collector.internal:4317",
        "self_telemetry.interval": 10.0,
        "log.level": "info",
        "log.format": "json",
        "script.enabled": True,
        "script.deno_path": Path("/usr/local/bin/deno"),
        "script.max_concurrent": 5,
        "script.memory_limit_mb": 512,
        "script.timeout_seconds": 300,
        "script.sdk_server_port": 9003,
    }
    lines = {key: effective.source.rpartition(":")[2] for key, effective in found.values.items()}
    assert (lines["colony"], lines["otlp.http"], lines["script.sdk_server_port"]) == ("2", "11", "28")
    # It is said honestly what a key does not do yet.
    assert f"{tmp_path}/agent.yaml:23: script.enabled" in found.notes[0]
    assert all("without effect yet" in note for note in found.notes)


@pytest.mark.parametrize("settings", [AGENT_SETTINGS, COLONY_SETTINGS])
def test_defaults_can_be_used_and_written_back(settings: tuple[object, ...], tmp_path: Path) -> None:
    found = configure(settings, flags={}, file=None, environment={})  # type: ignore[arg-type]
    assert found.problems == ()
    assert {effective.source for effective in found.values.values()} == {"default"}
    for setting in settings:
        value = setting.default_value()  # type: ignore[attr-defined]
        if value is not None:
            shown = setting.kind.show(value)  # type: ignore[attr-defined]
            assert setting.kind.parse(shown, folder=tmp_path) == value  # type: ignore[attr-defined]


PROBLEMS = [
    ("colny: h:1", ":1: the key 'colny' is unknown; did you mean 'colony'?"),
    ("\notlp:\n  gprc: h:1", ":3: the key 'otlp.gprc' is unknown; did you mean 'otlp.grpc'?"),
    ("otlp_http: h:1", ":1: the key 'otlp_http' is unknown; did you mean 'otlp.http'?"),
    (
        "memory_limit_mb: 5",
        ":1: the key 'memory_limit_mb' is unknown; did you mean 'script.memory_limit_mb'?",
    ),
    ("scripts: {enabled: true}", ":1: the key 'scripts' is unknown; did you mean 'script'?"),
    ("script: {timeout: 5}", "'script.timeout' is unknown; did you mean 'script.timeout_seconds'?"),
    ("zzz: 1", ":1: the key 'zzz' is unknown; known are colony, data, fleet, functions, host_interval,"),
    ("id: 7", ":1: id is 7, expected text; put it in quotes"),
    (f"id: {'x' * 129}", ":1: id has 129 characters, expected 1 to 128"),
    ("otlp: {grpc: 4317}", ":1: otlp.grpc is 4317, expected HOST:PORT, port 0 picks a free one"),
    ("colony: h:0", ":1: colony cannot be used: '0' in 'h:0' is not a port, expected 1 to 65535"),
    ("colony: off", ":1: colony is False, expected HOST:PORT"),
    ("metrics: 9", "metrics is 9, expected HOST:PORT, port 0 picks a free one, or `off`"),
    ("retention: 3600", 'retention is 3600, expected a duration with a unit, for example "30s" or "7d"'),
    ("retention: 1s", "retention is 1s, expected 1m to 36500d"),
    ("retention: soon", "retention cannot be used: 'soon' is not a duration"),
    ("max_data_bytes: 5%", "max_data_bytes is '5%', expected bytes, for example 1073741824 or \"1GiB\""),
    ("max_data_bytes: 1k", "max_data_bytes is 1000 bytes, expected at least 67108864"),
    ("labels: [a]", "labels is ['a'], expected a mapping of names to text"),
    ("labels: {a: true}", "labels has True for 'a', expected text; put it in quotes"),
    ("functions: {a: pid:x}", "functions has 'pid:x' for 'a', expected a path, pid:NUMBER or port:NUMBER"),
    ("functions: {a: port:70000}", "functions has 'port:70000' for 'a'"),
    ("log: {level: loud}", "log.level is 'loud', expected one of debug, info, warning, error"),
    ("log: json", ":1: log is a section, expected the keys format, level below it"),
    ("script: {enabled: 1}", "script.enabled is 1, expected true or false"),
    ("script: {max_concurrent: 0}", "script.max_concurrent is 0, expected 1 to 100"),
    ("script: {max_concurrent: 1.5}", "script.max_concurrent is 1.5, expected a whole number, 1 to 100"),
    ("id: a\nid: b", ":2: the key 'id' stands in line 1 too"),
    ("7: a", ":1: the key 7 is not text; put it in quotes"),
]


@pytest.mark.parametrize(("text", "problem"), PROBLEMS)
def test_what_cannot_be_used_is_told_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    (told,) = read(tmp_path, text).problems
    assert told.startswith(f"{tmp_path}/agent.yaml:")
    assert problem in told


def test_all_problems_are_told_at_once_and_in_order(tmp_path: Path) -> None:
    found = read(tmp_path, "retention: 1\nzzz: 1\ncolony: x\n")
    assert [problem.split(":")[1] for problem in found.problems] == ["1", "2", "3"]
    with pytest.raises(ConfigError, match=r"3 settings cannot be used:\n"):
        found.require_valid()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "agent.yaml:2 is not YAML"),
        ("- a", "holds no keys"),
        ("a: !!python/object:os.system x", "agent.yaml:1 is not YAML"),
    ],
)
def test_a_file_that_is_not_yaml(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, f"{text}\n")


def test_a_missing_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        configure(AGENT_SETTINGS, flags={}, file=tmp_path / "no.yaml", environment={})
    assert read(tmp_path, "# nothing\n").problems == ()
    assert read(tmp_path, "otlp:\nlog:\n").problems == ()  # sections that are empty yet


def test_each_table_of_a_colony_has_an_age() -> None:
    assert {*TIER_AGES, *TABLE_AGES} == {table.name for table in COLONY_TABLES}
    # The store's own defaults are the documented ones.
    ages = {key: DEFAULT_AGES[key] for key in TIER_AGES}
    found = configure(COLONY_SETTINGS, flags={}, file=None, environment={})
    assert {key: timedelta(seconds=found[f"retention.{key}"]) for key in TIER_AGES} == ages


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "retention:\n  rollups_15m: 5d",
            "colony.yaml:2: retention.rollups_15m is 5d, less than retention.rollups (7d), expected at least",
        ),
        (
            "retention:\n  rollups: 60d",
            "colony.yaml:2: retention.rollups is 60d, more than retention.rollups_15m (30d), expected at most",
        ),
        (
            "retention:\n  rollups_1d: 80d\n  rollups_1h: 85d",
            "colony.yaml:2: retention.rollups_1d is 80d, less than retention.rollups_1h (85d)",
        ),
    ],
)
def test_tiers_that_are_out_of_order_are_told(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "colony.yaml"
    path.write_text(text)
    (told,) = configure(COLONY_SETTINGS, flags={}, file=path, environment={}).problems
    assert problem in told


def test_the_limits_of_queries_are_settings_with_the_defaults_that_hold_without() -> None:
    names = [field.name for field in fields(QueryLimits)]
    assert [setting.key for setting in QUERY_SETTINGS] == [f"query.{name}" for name in names]
    assert all(setting.flag and setting.env for setting in QUERY_SETTINGS)
    found = configure(COLONY_SETTINGS, flags={}, file=None, environment={})
    assert QueryLimits(**{name: found[f"query.{name}"] for name in names}) == DEFAULT_QUERY_LIMITS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{max_rows: 0}", "query.max_rows is 0, expected 1 to 1000000"),
        ("{max_bytes: 2GiB}", "query.max_bytes is 2147483648 bytes, expected at most 1073741824"),
        ("{max_bytes: 1k}", "query.max_bytes is 1000 bytes, expected at least 1048576"),
        ("{timeout: 2h}", "query.timeout is 2h, expected 100ms to 1h"),
        ("{timeout: 2m}", "query.timeout is 2m, more than query.max_timeout (1m), expected at most"),
        ("{max_timeout: 1s}", "query.max_timeout is 1s, less than query.timeout (5s), expected at least"),
        ("{worker_memory: 64MiB}", "query.worker_memory is 67108864 bytes, expected at least 268435456"),
        ("{at_once: 201}", "query.at_once is 201, expected 1 to 200"),
        ("{queue: many}", "query.queue is 'many', expected a whole number, 1 to 1500"),
        ("{max_row: 5}", "the key 'query.max_row' is unknown; did you mean 'query.max_rows'?"),
    ],
)
def test_limits_of_queries_that_cannot_be_used_are_told(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "colony.yaml"
    path.write_text(f"query: {text}")
    (told,) = configure(COLONY_SETTINGS, flags={}, file=path, environment={}).problems
    assert problem in told


def test_tiers_in_order_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "colony.yaml"
    path.write_text("retention: {rollups: 1h, rollups_15m: 1h, rollups_1h: 2d, rollups_1d: 3d}")
    found = configure(COLONY_SETTINGS, flags={}, file=path, environment={})
    assert found.problems == ()
    assert [found[f"retention.{table}"] for table in TIER_AGES] == [3600, 3600, 2 * 86400, 3 * 86400]


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("id: file\nlog: {level: info, format: json}\n")
    environment = {"CORAL_AGENT_ID": "environment", "CORAL_LOG_LEVEL": "error", "CORAL_LOG_FORMAT": ""}
    found = configure(AGENT_SETTINGS, flags={"id": "flag"}, file=path, environment=environment)
    told = {key: (found.values[key].value, found.values[key].source) for key in found.values}
    assert told["id"] == ("flag", "--id")
    assert told["log.level"] == ("error", "environment variable CORAL_LOG_LEVEL")
    assert told["log.format"] == ("json", f"{path}:2")
    assert told["otlp.grpc"] == ("127.0.0.1:4317", "default")


def test_a_bad_value_is_named_as_its_setter_calls_it() -> None:
    found = configure(
        AGENT_SETTINGS,
        flags={"retention": "1x"},
        file=None,
        environment={"CORAL_OTLP_GRPC": "nowhere"},
    )
    assert sorted(problem.partition(" cannot")[0] for problem in found.problems) == [
        "--retention",
        "environment variable CORAL_OTLP_GRPC",
    ]
