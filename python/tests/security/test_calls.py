"""Tokens and roles at both ports of a real colony."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from coral.config.access import Access
from coral.config.token_file import ROLES, remove_token
from coral.model.tokens import digest_of, number_of, script_token
from coral.script_limits import SCRIPT_TOKEN_SECONDS
from coral.serve.permissions import ANYBODY, PERMISSIONS, SCRIPT
from coral.wire.channels import open_channel
from tests.security.conftest import Secured, holds

# Those that a colony serves today, and at which port.
SERVED = {
    "coral.colony.v1.QueryService": "query",
    "coral.colony.v1.StatusService": "query",
    "coral.sdk.v1.RuntimeService": "query",
    "coral.colony.v1.FleetService": "fleet",
    "coral.colony.v1.QueriesService": "fleet",
}
CALLS = [method for method in PERMISSIONS if method.split("/")[1] in SERVED]


def outcome(secured: Secured, method: str, access: Access) -> grpc.StatusCode:
    """Makes a call with an empty request, and answers its status; OK also where a first answer came."""
    port = SERVED[method.split("/")[1]]
    address = secured.colony.grpc if port == "query" else secured.colony.fleet
    with open_channel(address, Access(access.ca)) as channel:
        # As a stream of both, which is what every kind of call is on the wire.
        call = channel.stream_stream(method)(iter([b""]), timeout=20, metadata=access.metadata())
        try:
            next(call, None)
        except grpc.RpcError as error:
            failed: Any = error
            return failed.code()
        call.cancel()
        return grpc.StatusCode.OK


REFUSALS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


@pytest.mark.parametrize("method", CALLS)
def test_a_call_is_for_the_roles_of_the_table_and_nobody_else(secured: Secured, method: str) -> None:
    assert outcome(secured, method, secured.access(None)) is grpc.StatusCode.UNAUTHENTICATED
    wrong = Access(secured.access(None).ca, "coral_" + "0" * 64)
    assert outcome(secured, method, wrong) is grpc.StatusCode.UNAUTHENTICATED
    for role in ROLES:
        got = outcome(secured, method, secured.access(role))
        if role in PERMISSIONS[method]:
            assert got not in REFUSALS, (role, got)
        else:
            assert got is grpc.StatusCode.PERMISSION_DENIED, (role, got)


def of_script(secured: Secured, name: str, *, seconds: float = 60.0) -> Access:
    access = secured.access(name)
    assert access.token is not None
    return Access(access.ca, script_token(access.token, ends=int(time.time() + seconds)))


@pytest.mark.parametrize("method", CALLS)
def test_a_script_only_asks_and_emits_whoever_its_user_is(secured: Secured, method: str) -> None:
    got = outcome(secured, method, of_script(secured, "admin"))
    if SCRIPT in PERMISSIONS[method]:
        assert got not in REFUSALS, got
    else:
        assert got is grpc.StatusCode.PERMISSION_DENIED
    assert outcome(secured, method, of_script(secured, "agent")) is grpc.StatusCode.PERMISSION_DENIED


ASKS = "/coral.colony.v1.QueryService/ListServices"


def test_a_script_token_ends_and_cannot_be_made_to_last(secured: Secured) -> None:
    assert outcome(secured, ASKS, of_script(secured, "viewer", seconds=-5)) is grpc.StatusCode.UNAUTHENTICATED
    longest = of_script(secured, "viewer", seconds=SCRIPT_TOKEN_SECONDS)
    assert outcome(secured, ASKS, longest) is grpc.StatusCode.OK
    for_ever = of_script(secured, "viewer", seconds=30 * SCRIPT_TOKEN_SECONDS)
    assert outcome(secured, ASKS, for_ever) is grpc.StatusCode.UNAUTHENTICATED
    assert longest.token is not None
    head, ends, mac = longest.token.split(".")
    moved = Access(longest.ca, f"{head}.{int(ends) + 1}.{mac}")
    assert outcome(secured, ASKS, moved) is grpc.StatusCode.UNAUTHENTICATED


def test_what_the_file_of_tokens_holds_is_no_token(secured: Secured) -> None:
    token = secured.access("admin").token
    assert token is not None
    text = secured.tokens.read_text()
    assert token not in text
    assert digest_of(token).hex() in text
    for stolen in (digest_of(token).hex(), "coral_" + digest_of(token).hex(), number_of(digest_of(token))):
        assert (
            outcome(secured, ASKS, Access(secured.access(None).ca, stolen)) is grpc.StatusCode.UNAUTHENTICATED
        )


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic abc", "Bearer corals_", "Bearer corals_a.1.b"]
)
def test_a_header_that_is_none_is_refused(secured: Secured, value: str) -> None:
    with open_channel(secured.colony.grpc, secured.access(None)) as channel:
        call = channel.stream_stream(ASKS)(iter([b""]), timeout=20, metadata=[("authorization", value)])
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
    failed: Any = caught.value
    assert failed.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_health_is_for_anybody_and_reflection_is_not(secured: Secured) -> None:
    assert "/grpc.health.v1.Health/Check" in {m for m, roles in PERMISSIONS.items() if roles is ANYBODY}
    for address in (secured.colony.grpc, secured.colony.fleet):
        with open_channel(address, secured.access(None)) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

    def asked() -> Iterator[Any]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    with open_channel(secured.colony.grpc, secured.access(None)) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.RpcError):
            list(stub.ServerReflectionInfo(asked(), timeout=20))
        metadata = secured.access("viewer").metadata()
        assert list(stub.ServerReflectionInfo(asked(), timeout=20, metadata=metadata))


def test_tokens_come_into_force_and_end_while_the_colony_runs(secured: Secured) -> None:
    secured.make("passing", "viewer")
    holds(lambda: outcome(secured, ASKS, secured.access("passing")), grpc.StatusCode.OK)
    script = of_script(secured, "passing")
    assert outcome(secured, ASKS, script) is grpc.StatusCode.OK
    remove_token(str(secured.tokens), "passing")
    holds(lambda: outcome(secured, ASKS, secured.access("passing")), grpc.StatusCode.UNAUTHENTICATED)
    assert outcome(secured, ASKS, script) is grpc.StatusCode.UNAUTHENTICATED, (
        "what was made of it ends with it"
    )


def test_a_file_that_cannot_be_used_leaves_the_tokens_as_they_were(secured: Secured) -> None:
    from coral.client.status import get_status

    good = secured.tokens.read_text()

    def problems() -> bool:
        found = get_status(secured.colony.grpc, secured.access("viewer")).colony.problems
        return any("tokens.yaml" in problem and "from before are in force" in problem for problem in found)

    assert not problems()
    secured.tokens.write_text("tokens: [{name: x, role: king, sha256: 00}]\n")
    holds(problems, True)
    secured.tokens.unlink()
    holds(problems, True)
    secured.tokens.write_text(good)
    holds(problems, False)
