"""Commands and scripts against colonies with TLS and tokens, as a user meets them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coral.client.status import get_status
from coral.config.access import SYSTEM
from coral.config.token_file import remove_token
from coral.demo.launch import Colony
from coral.testing.certificates import Authority
from coral.testing.processes import start_agent, start_colony
from tests.runner.program import Program, Result
from tests.security.conftest import Secured, holds

LISTS = "console.log(await coral.services.list())"


def asks(coral: Program, *flags: str, **variables: str) -> Result:
    """`coral services`."""
    return coral.run("services", "-o", "json", *flags, **variables)


def runs(coral: Program, *flags: str, code: str = LISTS, **variables: str) -> Result:
    """`coral run -e`."""
    return coral.run("run", "-e", code, *flags, **variables)


BOTH = pytest.mark.parametrize("command", [asks, runs], ids=["command", "script"])


def test_commands_and_scripts_over_tls_with_a_token(coral: Program, secured: Secured) -> None:
    found = asks(coral, *secured.flags())
    assert (found.code, found.stdout) == (0, "[]\n"), found.stderr
    code = f"{LISTS}; await coral.emit('x', {{ a: 1 }}); console.log(await coral.db.query('SELECT 42 AS a'))"
    ran = runs(coral, *secured.flags(), code=code)
    assert (ran.code, ran.stdout) == (0, "[]\n[ { a: 42 } ]\n"), ran.stderr
    events = coral.run("events", "-o", "json", *secured.flags())
    assert '"x"' in events.stdout, events.stderr
    for command in ("status", "logs", "queries"):
        done = coral.run(command, *secured.flags("operator"))
        assert done.code == 0, done.stderr
    healthy = coral.run("doctor", *secured.flags())
    assert f"{secured.colony.grpc} answers" in healthy.stdout


@BOTH
def test_a_colony_with_a_name(coral: Program, secured: Secured, command: object) -> None:
    assert callable(command)
    named = command(coral, *secured.flags(address=f"localhost:{secured.port}"))
    assert (named.code, named.stdout.strip()) == (0, "[]"), named.stderr


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Authority]]:
    """A colony off loopback, reached by this machine's own name."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None, socket.AF_INET)
    except OSError:
        pytest.skip("this machine's name has no address")
    folder = tmp_path_factory.mktemp("host")
    authority = Authority(folder)
    options = authority.certificate(name).options
    with start_colony(folder, listen="0.0.0.0:0", options=options) as colony:
        yield f"{name}:{colony.grpc.rpartition(':')[2]}", authority


@BOTH
def test_a_colony_off_loopback_by_its_host_name(
    coral: Program, host: tuple[str, Authority], command: object
) -> None:
    assert callable(command)
    address, authority = host
    named = command(coral, "--colony", address, "--tls-ca", str(authority.file))
    assert (named.code, named.stdout.strip()) == (0, "[]"), named.stderr


def test_environment_and_contexts(coral: Program, secured: Secured, tmp_path: Path) -> None:
    given = {
        "CORAL_COLONY": secured.colony.grpc,
        "CORAL_TLS_CA": str(secured.authority.file),
        "CORAL_TOKEN_FILE": str(secured.file("viewer")),
    }
    for command in (asks, runs):
        assert command(coral, **given).code == 0
    token = secured.file("viewer").read_text().strip()
    assert asks(coral, **{**given, "CORAL_TOKEN_FILE": "", "CORAL_TOKEN": token}).code == 0
    coral.environment.pop("CORAL_COLONY")
    flags = secured.flags()[2:]
    added = coral.run("config", "add-context", "prod", secured.colony.grpc, *flags)
    assert added.code == 0, added.stderr
    assert coral.run("config", "use", "prod").code == 0
    for command in (asks, runs):
        done = command(coral)
        assert done.code == 0, done.stderr
    listed = coral.run("config", "contexts")
    assert listed.stdout == f"* prod  {secured.colony.grpc}  tls  token\n"
    assert token not in (coral.home / "config" / "coral" / "config.yaml").read_text()


def test_a_script_never_sees_its_users_token(coral: Program, secured: Secured) -> None:
    admin = secured.file("admin").read_text().strip()
    look = coral.home / "look.ts"
    # All that a script can reach of its connection, and a call of its own with whatever it finds.
    look.write_text(
        "import * as coral from '@coral/sdk';\n"
        "await coral.services.list();\n"
        "const seen = [JSON.stringify(Deno.args)];\n"
        "for (const key of Reflect.ownKeys(globalThis)) {\n"
        "  try { seen.push(String(key) + JSON.stringify((globalThis as never)[key])); } catch { /* not shown */ }\n"
        "}\n"
        "console.log(seen.join('\\n'));\n"
    )
    done = coral.run("run", str(look), *secured.flags("admin"))
    assert done.code == 0, done.stderr
    assert admin not in done.stdout
    assert admin.removeprefix("coral_") not in done.stdout + done.stderr
    planned = coral.run("run", str(look), "--dry-run", *secured.flags("admin"))
    assert admin not in planned.stdout + planned.stderr


@BOTH
def test_no_token_and_a_wrong_one(coral: Program, secured: Secured, command: object, tmp_path: Path) -> None:
    assert callable(command)
    none = command(coral, *secured.flags(None))
    assert none.code == 77
    assert none.stderr.startswith("error: the colony wants a token, and there was none\nhint: give one with")
    wrong = tmp_path / "wrong"
    wrong.write_text("coral_" + "1" * 64)
    other = command(coral, *secured.flags(None), "--token-file", str(wrong))
    assert other.code == 77
    assert "error: the colony does not know th" in other.stderr
    assert "1111" not in other.stderr
    agent = command(coral, *secured.flags("agent"))
    assert agent.code == 77
    assert "is not allowed to the role agent (token agent)" in agent.stderr
    assert "it is allowed to: admin, deployer, operator, viewer" in agent.stderr


@BOTH
def test_an_authority_that_did_not_sign(
    coral: Program, secured: Secured, command: object, tmp_path: Path
) -> None:
    assert callable(command)
    stranger = Authority(tmp_path, "stranger")
    done = command(coral, "--colony", secured.colony.grpc, "--tls-ca", str(stranger.file))
    assert done.code == 69
    assert f"the certificate of the colony at {secured.colony.grpc} cannot be trusted" in done.stderr
    assert "--tls-ca (CORAL_TLS_CA) names the authority that signed it" in done.stderr
    everyone = command(coral, "--colony", secured.colony.grpc, "--tls-ca", SYSTEM)
    assert everyone.code in (69, 78), "no public authority signed it, or this machine has none"
    assert "Traceback" not in done.stderr + everyone.stderr


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Colony], Authority]]:
    """Colonies whose certificates are expired and for another name, and one without TLS."""
    folder = tmp_path_factory.mktemp("strange")
    authority = Authority(folder)
    past = datetime.now(UTC) - timedelta(days=1)
    expired = authority.certificate("127.0.0.1", file="expired", not_after=past)
    named = authority.certificate("colony.internal", file="named")
    with (
        start_colony(folder / "1", options=expired.options) as one,
        start_colony(folder / "2", options=named.options) as two,
        start_colony(folder / "3") as three,
    ):
        yield {"expired": one, "named": two, "plain": three}, authority


@BOTH
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("expired", "the certificate of the colony at {} has expired"),
        ("named", "the certificate of the colony at {} is not for 127.0.0.1"),
        ("plain", "{} answers, but speaks no TLS"),
    ],
)
def test_a_colony_that_cannot_be_trusted(
    coral: Program, strange: tuple[dict[str, Colony], Authority], command: object, kind: str, said: str
) -> None:
    assert callable(command)
    colonies, authority = strange
    address = colonies[kind].grpc
    done = command(coral, "--colony", address, "--tls-ca", str(authority.file))
    assert done.code == 69
    assert said.format(address) in done.stderr
    assert "Handshake failed" not in done.stderr


@BOTH
def test_clear_text_to_a_colony_with_tls(coral: Program, secured: Secured, command: object) -> None:
    assert callable(command)
    done = command(coral, "--colony", secured.colony.grpc)
    assert done.code == 69
    assert f"the colony at {secured.colony.grpc} speaks TLS, and was spoken to in clear" in done.stderr


@BOTH
def test_a_token_does_not_travel_in_clear(coral: Program, secured: Secured, command: object) -> None:
    assert callable(command)
    with socket.create_server(("0.0.0.0", 0)) as server:
        address = f"{socket.gethostname()}:{server.getsockname()[1]}"
        done = command(coral, "--colony", address, "--token-file", str(secured.file("viewer")))
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert done.code == 78
    assert f"error: the token would be sent to {address} in clear" in done.stderr


def test_a_project_file_gets_no_token_of_the_environment(coral: Program, secured: Secured) -> None:
    coral.environment.pop("CORAL_COLONY")
    (coral.home / "coral.yaml").write_text(f'colony: "{secured.colony.grpc}"\n')
    given = {
        "CORAL_TLS_CA": str(secured.authority.file),
        "CORAL_TOKEN_FILE": str(secured.file("viewer")),
    }
    refused = asks(coral, **given)
    assert refused.code == 69
    assert "speaks TLS, and was spoken to in clear" in refused.stderr
    assert asks(coral, *secured.flags()).code == 0, "whoever says so gives it one"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--listen", "0.0.0.0:0"], "listen is 0.0.0.0:0, which other machines reach, and there is no TLS"),
        (["--listen", "[::]:0"], "listen is [::]:0, which other machines reach, and there is no TLS"),
        (
            ["--listen", "127.0.0.1:0", "--fleet-listen", "0.0.0.0:0"],
            "fleet_listen is 0.0.0.0:0, which other machines reach, and there is no TLS",
        ),
        (["--listen", "127.0.0.1:0", "--tls-cert", "CERT"], "tls_cert is set, and tls_key is not"),
        (["--listen", "127.0.0.1:0", "--tls-key", "KEY"], "tls_key is set, and tls_cert is not"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "CERT", "--tls-key", "OTHER"], "cannot be used: "),
        (["--listen", "127.0.0.1:0", "--tls-cert", "CERT", "--tls-key", "/none"], "/none cannot be read"),
        (["--listen", "127.0.0.1:0", "--token-file", "/none"], "the file of tokens /none cannot be read"),
    ],
)
def test_a_colony_that_does_not_start(coral: Program, options: list[str], said: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one = authority.certificate("127.0.0.1")
    other = authority.certificate("127.0.0.1", file="other")
    places = {"CERT": str(one.cert), "KEY": str(one.key), "OTHER": str(other.key)}
    done = coral.run("colony", "start", "--no-config", *[places.get(word, word) for word in options])
    assert done.code == 78, done.stderr
    assert said in done.stderr
    assert "\nhint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_off_loopback_without_tokens_is_said(tmp_path: Path) -> None:
    options = Authority(tmp_path).certificate("localhost").options
    with start_colony(tmp_path, listen="0.0.0.0:0", options=options) as colony:
        assert "there is no token_file: whoever reaches it reads all" in colony.child.log.read_text()


def test_a_certificate_is_replaced_while_the_colony_runs(coral: Program, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.certificate("somewhere.else")
    with start_colony(tmp_path, options=certificate.options) as colony:
        flags = ["--colony", colony.grpc, "--tls-ca", str(authority.file)]
        assert "is not for 127.0.0.1" in asks(coral, *flags).stderr
        authority.certificate("127.0.0.1")  # the same files
        holds(lambda: asks(coral, *flags).code, 0)


def test_an_agent_with_its_token_and_without(secured: Secured, tmp_path: Path) -> None:
    secured.make("edge", "agent")

    def connected() -> bool:
        agents = get_status(secured.colony.grpc, secured.access("viewer")).agents
        return any(agent.agent_id == "edge-1" and agent.connected for agent in agents)

    options = ("--tls-ca", str(secured.authority.file), "--token-file", str(secured.file("edge")))
    colony = f"localhost:{secured.port}"
    with start_agent(colony, tmp_path, agent_id="edge-1", options=options) as agent:
        holds(connected, True)
        remove_token(str(secured.tokens), "edge")
        holds(connected, False)
        holds(lambda: "UNAUTHENTICATED: the colony does not know" in agent.child.log.read_text(), True)
        secured.make("edge", "agent")  # the agent reads its file again
        holds(connected, True)
    wrong = ("--tls-ca", str(secured.authority.file), "--token-file", str(secured.file("viewer")))
    with start_agent(colony, tmp_path, agent_id="edge-2", options=wrong) as agent:
        holds(lambda: "Connect is not allowed to the role viewer" in agent.child.log.read_text(), True)
    with start_agent(secured.colony.grpc, tmp_path, agent_id="edge-3") as agent:
        holds(lambda: "speaks TLS, and was spoken to in clear" in agent.child.log.read_text(), True)


def test_an_agent_does_not_send_its_token_in_clear(coral: Program, secured: Secured) -> None:
    done = coral.run(
        *("agent", "start", "--no-config", "--colony", "colony.internal:9000", "--otlp-grpc", "127.0.0.1:0"),
        *("--otlp-http", "127.0.0.1:0", "--metrics", "off", "--token-file", str(secured.file("agent"))),
    )
    assert done.code == 78
    assert "the token would be sent to colony.internal:9000 in clear" in done.stderr


def test_tokens_are_made_listed_and_revoked(coral: Program, tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    named = ("--token-file", str(file))
    made = coral.run("token", "create", "ci", "--role", "viewer", "--raw-attributes", *named)
    assert made.code == 0, made.stderr
    token = made.stdout.strip()
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert coral.run("token", "create", "ci", "--role", "admin", *named).code == 2
    assert coral.run("token", "create", "a b", "--role", "admin", *named).code == 2
    assert coral.run("token", "create", "x", "--role", "king", *named).code == 2
    assert coral.run("token", "create", "x", "--role", "agent", "--raw-attributes", *named).code == 2
    listed = coral.run("token", "list", "-o", "csv", CORAL_COLONY_TOKEN_FILE=str(file))
    assert listed.stdout.startswith("name,role,raw_attributes,created_at\nci,viewer,true,")
    assert coral.run("token", "revoke", "nobody", *named).code == 66
    file.chmod(0o640)  # for a colony of this group
    assert coral.run("token", "revoke", "ci", *named).code == 0
    assert file.stat().st_mode & 0o777 == 0o640
    assert coral.run("token", "list", "-o", "json", *named).stdout == "[]\n"
    nowhere = coral.run("token", "list")
    assert nowhere.code == 2
    assert "which file" in nowhere.stderr
    config = coral.home / "config" / "coral"
    config.mkdir(parents=True)
    (config / "colony.yaml").write_text("token_file: own.yaml\n")
    assert coral.run("token", "create", "me", "--role", "admin").code == 0
    assert (config / "own.yaml").exists()
