"""Who gets in: TLS and tokens between containers."""

from __future__ import annotations

import pytest
from engine import wait_for
from fleet import Fleet, Site

from coral.testing.certificates import Authority


def test_a_colony_without_tls_does_not_start(site: Site) -> None:
    colony = site.start("coral-colony", network_mode="none")
    assert colony.await_end() == 78
    assert "there is no TLS" in colony.log()


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({"CORAL_TOKEN_FILE": ""}, 77, "wants a token"),
        ({"CORAL_TOKEN_FILE": "/etc/coral/agents.token"}, 77, "not allowed to the role agent"),
        ({"CORAL_TLS_CA": ""}, 78, "in clear"),
        ({"CORAL_TLS_CA": "", "CORAL_TOKEN_FILE": ""}, 69, "speaks TLS"),
        ({"CORAL_TLS_CA": "/etc/coral/stranger.pem"}, 69, "cannot be trusted"),
    ],
)
def test_who_is_turned_away(fleet: Fleet, variables: dict[str, str], code: int, said: str) -> None:
    stranger = Authority(fleet.files.folder / "strange", "stranger").file
    (fleet.files.folder / "stranger.pem").write_bytes(stranger.read_bytes())
    (fleet.files.folder / "stranger.pem").chmod(0o644)
    done = fleet.person.run("coral", "services", **variables)
    assert (done.code, said in done.err) == (code, True), done


def test_an_agent_whose_token_is_revoked_waits_with_its_data(fleet: Fleet) -> None:
    fleet.files.token("guest", "agent")
    agent = fleet.start_agent("agent-guest", token="guest")
    fleet.await_connected("agent-guest")
    fleet.files.revoke("guest")
    wait_for(lambda: fleet.states()["agent-guest"] is False)
    fleet.send("revoked", 20, agent="agent-guest")
    wait_for(lambda: "token" in str(agent.json("agent", "status")["last_error"]))
    assert fleet.counts("revoked") == (0, 0)
    fleet.files.token("guest", "agent")
    fleet.await_counts("revoked", 20)
    agent.remove()
