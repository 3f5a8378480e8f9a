"""@coral/sdk as a package: linted, published to a registry, installed from there, checked and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from coral._proto.colony.v1 import query_pb2
from coral.testing.node_tools import NodeTools, run_alone

SCRIPT = """import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

const address: string | undefined = (globalThis as { at?: string }).at;
if (address !== undefined) coral.connect({ address });
for (const service of await coral.services.list()) {
  const { requestCount }: { requestCount: number } = await service.metrics.getRequests();
  console.log(service.name, requestCount, Math.round(await service.metrics.getP99Ms()));
}
for await (const row of coral.db.stream("SELECT unnest(range(5)) AS n")) {
  console.log(row.n);
  if (row.n === 1) break;
}
coral.plot.bar({ payments: 20 }, { title: "Requests" });
const { status }: { status: skills.SkillStatus } = await skills.latencyReport();
console.log(status);
"""
PRINTED = f"payments 20 50\n0\n1\nRequests\npayments │{'█' * 67} 20\nok\n"


@dataclass(frozen=True)
class Registry:
    """A registry of npm packages on loopback that has @coral/sdk.

    Attributes:
        environment: What makes npm and Deno use it and no other.
        version: The version that is there.
    """

    environment: dict[str, str]
    version: str


@pytest.fixture(scope="module")
def registry(tools: NodeTools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    command = [tools.node, Path(__file__).with_name("registry.mjs"), folder, tools.modules]
    with subprocess.Popen(
        command, env={"HOME": str(folder)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            settings = folder / "npmrc"
            address = f"http://127.0.0.1:{port}/"
            settings.write_text(
                f"registry={address}\n//127.0.0.1:{port}/:_authToken=anybody\nupdate-notifier=false\n"
            )
            environment = {"NPM_CONFIG_USERCONFIG": str(settings), "NPM_CONFIG_REGISTRY": address}
            asked = tools.run(tools.npm, "config", "get", "registry", cwd=folder, environment=environment)
            assert asked.stdout.strip() == address, "nothing may be published anywhere else"
            done = tools.run(
                tools.npm,
                "publish",
                f"--registry={address}",
                tools.package,
                cwd=folder,
                environment=environment,
            )
            assert done.returncode == 0, done.stderr
            version = re.fullmatch(r"\+ @coral/sdk@(\S+)\n", done.stdout)
            assert version is not None, done.stdout
            yield Registry(environment, version[1])
        finally:
            server.kill()


@pytest.fixture(scope="module")
def project(tools: NodeTools, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Node project that has installed the package."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text(json.dumps({"name": "project", "type": "module", "private": True}))
    wanted = f"@coral/sdk@{registry.version}"
    done = tools.run(tools.npm, "install", wanted, cwd=folder, environment=registry.environment)
    assert done.returncode == 0, done.stderr
    types = folder / "node_modules" / "@types"
    types.mkdir()
    shutil.copytree(tools.modules / "@types" / "node", types / "node")
    shutil.copytree(tools.modules / "undici-types", folder / "node_modules" / "undici-types")
    (folder / "script.ts").write_text(SCRIPT)
    return folder


def test_the_tarball_has_what_it_should(tools: NodeTools) -> None:
    with tarfile.open(tools.package) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        text = archive.extractfile("package/package.json")
        assert text is not None
        description = json.loads(text.read())
    top = {name for name in names if not name.startswith("types/")}
    assert top == {
        "LICENSE",
        "README.md",
        "THIRD_PARTY_LICENSES.txt",
        "mod.js",
        "package.json",
        "skills.js",
    }
    assert "types/mod.d.ts" in names
    assert (description["license"], description["type"]) == ("Apache-2.0", "module")
    assert not {"scripts", "dependencies", "private"} & set(description)


def test_publint_finds_nothing(tools: NodeTools, tmp_path: Path) -> None:
    program = tools.modules / "publint" / "src" / "cli.js"
    done = tools.run(program, tools.package, "--strict", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip().splitlines()[-1]) == (0, "All good!"), done.stdout


def test_the_types_are_right(tools: NodeTools, tmp_path: Path) -> None:
    program = tools.modules / "@arethetypeswrong" / "cli" / "dist" / "index.js"
    done = tools.run(
        program, tools.package, "--profile", "esm-only", "--format", "ascii", "--no-emoji", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    looked = re.findall(r"^(node16 \(from ESM\)|bundler): (\w+)", done.stdout, re.MULTILINE)
    assert len(looked) >= 4, done.stdout
    assert {verdict for _, verdict in looked} == {"OK"}, done.stdout


@pytest.mark.parametrize("module", ["nodenext", "bundler"])
def test_a_node_project_checks_its_types(tools: NodeTools, project: Path, module: str) -> None:
    tsc = tools.modules / "typescript" / "bin" / "tsc"
    flags = ["--noEmit", "--strict", "--target", "es2024", "--lib", "es2024", "--types", "node"]
    how = (
        ["--module", "nodenext"]
        if module == "nodenext"
        else ["--module", "esnext", "--moduleResolution", module]
    )
    done = tools.run(tsc, *flags, *how, "script.ts", cwd=project)
    assert (done.returncode, done.stdout) == (0, "")
    (project / "wrong.ts").write_text(SCRIPT.replace("{ address }", "{ adress: address }"))
    wrong = tools.run(tsc, *flags, *how, "wrong.ts", cwd=project)
    assert wrong.returncode != 0
    assert "'adress' does not exist in type 'ConnectOptions'" in wrong.stdout


@pytest.mark.parametrize("by", ["connect", "environment"])
def test_node_runs_a_script_against_a_colony(tools: NodeTools, project: Path, colony: str, by: str) -> None:
    environment = {"CORAL_COLONY": colony}
    if by == "connect":
        (project / "at.mjs").write_text(f"globalThis.at = {json.dumps(colony)};")
        environment = {}
    done = tools.run(
        *(["--import", "./at.mjs"] if by == "connect" else []),
        "script.ts",
        cwd=project,
        environment=environment,
    )
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr


def test_node_without_a_colony_is_told_what_to_do(tools: NodeTools, project: Path) -> None:
    done = tools.run("script.ts", cwd=project)
    assert done.returncode == 1
    assert "call coral.connect, or set CORAL_COLONY" in done.stderr
    wrong = tools.run("script.ts", cwd=project, environment={"CORAL_COLONY": "nowhere"})
    assert "CORAL_COLONY is nowhere, expected HOST:PORT" in wrong.stderr


def test_deno_checks_and_runs_a_script_against_a_colony(
    registry: Registry, colony: str, tmp_path: Path
) -> None:
    deno = os.environ["CORAL_TEST_DENO"]
    (tmp_path / "deno.json").write_text(
        json.dumps(
            {
                "imports": {
                    "@coral/sdk": f"npm:@coral/sdk@{registry.version}",
                    "@coral/sdk/skills": f"npm:@coral/sdk@{registry.version}/skills",
                },
                "minimumDependencyAge": 0,  # it was published a moment ago
            }
        )
    )
    (tmp_path / "script.ts").write_text(SCRIPT)
    environment = {
        **registry.environment,
        "DENO_DIR": str(tmp_path / "cache"),
        "DENO_NO_UPDATE_CHECK": "1",
        "CORAL_COLONY": colony,
    }
    checked = run_alone([deno, "check", "script.ts"], tmp_path, environment)
    assert checked.returncode == 0, checked.stderr
    rights = [f"--allow-net={colony}", "--allow-env=CORAL_COLONY,CORAL_TLS_CA,CORAL_TOKEN,NO_COLOR"]
    done = run_alone([deno, "run", "--no-prompt", "--quiet", *rights, "script.ts"], tmp_path, environment)
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr


def test_bun_installs_and_runs_a_script_against_a_colony(
    tools: NodeTools, registry: Registry, colony: str, tmp_path: Path
) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"name": "bun-project", "private": True}))
    (tmp_path / "script.ts").write_text(SCRIPT)
    added = run_alone([tools.bun, "add", f"@coral/sdk@{registry.version}"], tmp_path, registry.environment)
    assert added.returncode == 0, added.stderr
    done = run_alone([tools.bun, "run", "script.ts"], tmp_path, {"CORAL_COLONY": colony})
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr


class _Listing(grpc.GenericRpcHandler):
    """Answers ListServices, and keeps what came with the calls."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        self.tokens += [str(value) for key, value in details.invocation_metadata if key == "authorization"]
        if not details.method.endswith("/ListServices"):
            return None
        answer = query_pb2.ListServicesResponse(services=[query_pb2.Service(name="secure")])
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: answer,
            request_deserializer=query_pb2.ListServicesRequest.FromString,
            response_serializer=query_pb2.ListServicesResponse.SerializeToString,
        )


@pytest.mark.parametrize("program", ["node", "bun"])
def test_tls_with_an_authority_and_a_token(
    tools: NodeTools, project: Path, tmp_path: Path, program: str
) -> None:
    made = run_alone([tools.python, "-m", "trustme", "-q", "-d", tmp_path, "-i", "127.0.0.1"], tmp_path)
    assert made.returncode == 0, made.stderr
    listing = _Listing()
    server = grpc.server(ThreadPoolExecutor(2), handlers=[listing])
    files = [(tmp_path / name).read_bytes() for name in ("server.key", "server.pem")]
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(files[0], files[1])]))
    server.start()
    try:
        (project / "tls.ts").write_text(
            'import * as coral from "@coral/sdk";\n'
            'import { readFileSync } from "node:fs";\n'
            "const [address, file, token] = process.argv.slice(2) as [string, string?, string?];\n"
            "if (file) coral.connect({ address, ca: readFileSync(file, 'utf8'), token });\n"
            "else if (address) coral.connect({ address, tls: true });\n"
            "try {\n  console.log((await coral.services.list()).map((service) => service.name).join());\n}"
            " catch (error) {\n  console.log((error as coral.CoralError).reason);\n}\n"
        )
        address, authority = f"127.0.0.1:{port}", str(tmp_path / "client.pem")
        command = [tools.node if program == "node" else tools.bun, "tls.ts"]
        given = run_alone([*command, address, authority, "secret"], project)
        assert (given.stdout, listing.tokens) == ("secure\n", ["Bearer secret"]), given.stderr
        environment = {"CORAL_COLONY": address, "CORAL_TLS_CA": authority, "CORAL_TOKEN": "other"}
        named = run_alone(command, project, environment)
        assert (named.stdout, listing.tokens[1:]) == ("secure\n", ["Bearer other"]), named.stderr
        strange = run_alone([*command, address], project)
        assert (strange.stdout, len(listing.tokens)) == ("UNREACHABLE\n", 2), "its authority is unknown"
    finally:
        server.stop(None)
