"""The images themselves: who runs, what is there, and what holds scripts in them."""

from __future__ import annotations

import json

import pytest
from engine import Engine
from fleet import Fleet

NO_LANDLOCK = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["landlock_create_ruleset"], "action": "SCMP_ACT_ERRNO"}],
}
LARGEST_BYTES = {"coral-colony": 300_000_000, "coral-agent": 300_000_000, "coral": 400_000_000}


@pytest.mark.parametrize("name", LARGEST_BYTES)
def test_an_image_is_small_and_for_an_ordinary_user(engine: Engine, name: str) -> None:
    image = engine.client.images.get(engine.image(name)).attrs
    assert image["Size"] < LARGEST_BYTES[name]
    assert image["Config"]["User"] == "65532"
    assert ("Healthcheck" in image["Config"]) is (name != "coral")
    assert image["Config"].get("Volumes") == (None if name == "coral" else {"/var/lib/coral": {}})


LOOK_AROUND = """
import os, stat

tops = ("/usr", "/etc", "/home", "/var")
files = [os.path.join(folder, name) for top in tops for folder, _, names in os.walk(top) for name in names]
ours = ("/etc/coral/", "/var/lib/coral/")
modes = {name: os.lstat(name).st_mode for name in files if not name.startswith(ours)}
print([name for name, mode in modes.items() if mode & (stat.S_ISUID | stat.S_ISGID)])
print([name for name, mode in modes.items() if mode & 0o022 and not stat.S_ISLNK(mode)])
print(sorted(os.listdir("/usr/bin")), os.path.exists("/bin/sh"))
"""


def test_nothing_in_an_image_helps_an_intruder(fleet: Fleet) -> None:
    done = fleet.colony.run("python3", "-c", LOOK_AROUND)
    assert done.code == 0, done.err
    setuid, writable, programs = done.out.splitlines()
    assert (setuid, writable) == ("[]", "[]")
    assert programs.startswith("['python3', 'python3.")
    assert programs.endswith("] False")


def test_the_file_system_is_read_only(fleet: Fleet) -> None:
    for machine in (fleet.colony, fleet.agents["agent-1"], fleet.person):
        assert machine.docker.attrs["HostConfig"]["ReadonlyRootfs"]
        done = machine.run("python3", "-c", "open('/home/coral/file', 'w')")
        assert "Read-only file system" in done.err


def test_doctor_says_what_holds_scripts_in_a_container(fleet: Fleet) -> None:
    done = fleet.person.run("coral", "doctor", "--json")
    findings = {found["name"]: found for found in json.loads(done.out)["findings"]}
    for layer in ("landlock", "seccomp", "no_new_privs", "rlimits", "parent_death", "descriptors"):
        assert findings[f"sandbox: {layer}"]["state"] == "ok", findings
    for layer in ("memory", "tasks"):
        assert findings[f"sandbox: {layer}"]["detail"].startswith("not in force: "), findings


def test_a_script_is_held_in_a_container(fleet: Fleet) -> None:
    done = fleet.person.run(
        "coral", "run", "-e", "console.log(Deno.readTextFileSync('/etc/coral/alice.token'))"
    )
    assert done.code == 77, done
    assert "/etc/coral/alice.token" in done.err
    assert done.out == ""


@pytest.mark.parametrize("image", ["coral", "coral-wheel"])
def test_a_read_only_home(fleet: Fleet, image: str) -> None:
    person = fleet.start_person(image)
    done = person.run("coral", "run", "-e", "console.log(6 * 7)")
    assert (done.code, done.out) == (0, "42\n"), done.err
    # The wheel has to unpack its Deno, each time: nothing but memory takes it.
    assert ("unpacked into memory" in done.err) is (image == "coral-wheel")
    person.remove()


def test_a_layer_that_a_container_takes_away_is_told(fleet: Fleet) -> None:
    person = fleet.start_person("coral", security_opt=[f"seccomp={json.dumps(NO_LANDLOCK)}"])
    done = person.run("coral", "run", "-e", "console.log(6 * 7)")
    assert (done.code, done.out) == (0, "42\n"), done.err
    assert "containment without landlock: a filter of system calls" in done.err
    doctor = json.loads(person.run("coral", "doctor", "--json").out)
    (landlock,) = [found for found in doctor["findings"] if found["name"] == "sandbox: landlock"]
    assert landlock["detail"].startswith("not in force: a filter of system calls"), landlock
    person.remove()
