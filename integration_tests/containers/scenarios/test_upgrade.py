"""Today's images open what the Coral of the previous schema has written (stores/README.md)."""

from __future__ import annotations

from pathlib import Path

from fleet import Site

STORE = Path(__file__).parent.parent / "stores" / "schema-4.tar.xz"
# The store stays in the tree for years; nothing of it may be too old.
_TIERS = ("default", "rollups", "rollups_15m", "rollups_1h", "rollups_1d")
KEEP_ALL = "retention:\n" + "".join(f"  {tier}: 36500d\n" for tier in _TIERS)


def test_a_colony_and_an_agent_of_the_previous_schema(site: Site) -> None:
    (site.files.folder / "colony.yaml").write_text(KEEP_ALL)
    (site.files.folder / "colony.yaml").chmod(0o644)
    keep = {"CORAL_COLONY_CONFIG": "/etc/coral/colony.yaml"}
    colony = site.start_colony(environment=keep, data=site.volume(STORE, "colony"))
    site.person = site.start_person()
    colony.await_healthy()
    assert site.counts("before") == (40, 2)
    site.start_agent("agent-old", data=site.volume(STORE, "agent-old"))
    site.await_connected("agent-old")
    site.await_counts("waiting", 25, 2)
    # Once more, now of today's schema.
    colony.restart()
    colony.await_healthy()
    site.await_counts("before", 40, 2)
    site.await_counts("waiting", 25, 2)
    assert site.person.json("status")["colony"]["problems"] == []
