"""The files that people deploy by: Kubernetes and systemd take them, and they fit images and program."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from coral import __version__

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "packaging" / "deploy"
MANIFEST = DEPLOY / "kubernetes" / "coral.yaml"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
VERSIONS = ("1.28", "1.34", "1.37")


def documents() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = list(yaml.safe_load_all(MANIFEST.read_text()))
    return found


def pods() -> dict[str, dict[str, Any]]:
    return {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]
        for d in documents()
        if "template" in d.get("spec", {})
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_the_manifest(version: str) -> None:
    for document in documents():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_schema_refuses_what_is_wrong() -> None:
    (colony,) = (d for d in documents() if d["kind"] == "StatefulSet")
    colony["spec"]["template"]["spec"]["containers"][0]["readonlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readonlyRootFilesystem"):
        kubernetes_validate.validate(colony, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("name", ["coral-colony", "coral-agent"])
def test_pods_are_hardened_and_watched(name: str) -> None:
    pod = pods()[name]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    assert "memory" in container["resources"]["limits"]
    volumes = {volume["name"] for volume in pod["volumes"]} | {"data"}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_images_are_those_of_this_version() -> None:
    named = re.findall(r"image: (coral\S*)", MANIFEST.read_text())
    assert {image.partition(":")[2] for image in named} == {__version__}
    composed = re.findall(r"image: (coral\S*)", COMPOSE.read_text())
    assert {image.partition(":")[2] for image in composed} == {f"${{CORAL_VERSION:-{__version__}}}"}
    script = (COMPOSE.parent / "make-secrets").read_text()
    assert set(re.findall(r"CORAL_VERSION:-([^}]+)}", script)) == {__version__}


def test_every_variable_is_one_of_ours() -> None:
    texts = [path.read_text() for path in (MANIFEST, COMPOSE, *UNITS)]
    named = {name for text in texts for name in re.findall(r"\bCORAL_[A-Z_]+\b", text)}
    known = set(re.findall(r"\bCORAL_[A-Z_]+\b", (ROOT / "docs" / "configuration.md").read_text()))
    assert named - known - {"CORAL_VERSION", "CORAL_GRPC_PORT", "CORAL_HTTP_PORT"} == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    # It looks for the program.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/coral/bin/coral", sys.executable))
    done = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    # 10 is a service without any walls.
    command = [analyze, "security", "--offline=yes", "--threshold=25", copy]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
