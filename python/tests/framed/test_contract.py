"""What a transport promises, held by both: gRPC and frames over a Unix socket."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from coral._proto.colony.v1 import query_pb2 as pb
from tests.framed.servers import (
    BATCH_BYTES,
    Behaviour,
    Client,
    FramedClient,
    GrpcClient,
    framed,
    over_grpc,
)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture(params=["grpc", "framed"])
def client(request: pytest.FixtureRequest, behaviour: Behaviour) -> Iterator[Client]:
    if request.param == "grpc":
        with over_grpc(behaviour) as address:
            spoken = GrpcClient(address, behaviour)
            yield spoken
            spoken.close()
    else:
        with framed(behaviour) as (_, endpoint):
            connected = FramedClient(endpoint.path, endpoint.token, behaviour)
            yield connected
            connected.close()


def test_an_answer_is_the_handlers(client: Client) -> None:
    for name in ("payments", "ümläut", ""):
        code, _, _, answer = client.unary(
            "ListServices", pb.ListServicesRequest(page_token=name).SerializeToString()
        )
        assert code == 0
        assert pb.ListServicesResponse.FromString(answer).services[0].name == name


@pytest.mark.parametrize(
    ("service", "code", "reason", "hint"),
    [
        ("payments", grpc.StatusCode.NOT_FOUND, "NO_DATA", "look elsewhere"),
        ("overload", grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "later"),
    ],
)
def test_an_error_is_a_google_rpc_status_with_its_reason(
    client: Client, service: str, code: grpc.StatusCode, reason: str, hint: str
) -> None:
    request = pb.GetPercentileRequest(service=service).SerializeToString()
    number, message, details, _ = client.unary("GetPercentile", request)
    status = status_pb2.Status.FromString(details)
    assert number == status.code == code.value[0]
    assert message == status.message != ""
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason, info.metadata["hint"]) == ("coral", reason, hint)
    assert (info.metadata.get("service") == "payments") == (service == "payments")


def test_a_fault_of_ours_is_unknown_and_serving_goes_on(client: Client) -> None:
    code, message, _, _ = client.unary(
        "GetPercentile", pb.GetPercentileRequest(service="crash").SerializeToString()
    )
    assert code == grpc.StatusCode.UNKNOWN.value[0]
    assert message == "Unexpected <class 'RuntimeError'>: a fault of ours"
    assert client.unary("ListServices", b"")[0] == 0


def test_a_method_that_does_not_exist_is_unimplemented(client: Client) -> None:
    assert client.unary("Nothing", b"")[0] == grpc.StatusCode.UNIMPLEMENTED.value[0]


def test_a_request_that_cannot_be_read_fails_alone(client: Client) -> None:
    assert client.unary("ListServices", b"\xff\xff\xff")[0] != 0
    assert client.unary("ListServices", b"")[0] == 0


def test_a_call_ends_at_its_deadline_and_so_does_its_handler(client: Client, behaviour: Behaviour) -> None:
    code, _, _, _ = client.unary("GetErrorRate", b"", seconds=0.2)
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    behaviour.wait_for("ended")


def test_a_cancelled_call_ends_its_handler(client: Client, behaviour: Behaviour) -> None:
    client.cancelled()
    behaviour.wait_for("ended")
    assert client.unary("ListServices", b"")[0] == 0


def test_a_stream_comes_whole_and_in_order(client: Client, behaviour: Behaviour) -> None:
    stream = client.stream(pb.ExecuteQueryRequest(sql="all", max_rows=100))
    assert [message.batch.row_count for message in iter(lambda: next(stream, None), None)] == list(range(100))
    behaviour.wait_for("ended")


def test_leaving_a_stream_ends_its_handler(client: Client, behaviour: Behaviour) -> None:
    stream = client.stream(pb.ExecuteQueryRequest(sql="all", max_rows=1_000_000))
    assert next(stream).batch.row_count == 0
    stream.cancel()
    behaviour.wait_for("ended")
    assert behaviour.sent < 10_000


def test_a_stream_that_nobody_reads_does_not_run_ahead(client: Client, behaviour: Behaviour) -> None:
    held = client.stream(pb.ExecuteQueryRequest(sql="count", max_rows=1_000_000))
    behaviour.wait_for("sent 1")
    # Another call gets through, and comes after what the stream could send by then.
    for _ in range(50):
        assert client.unary("ListServices", b"")[0] == 0
    assert behaviour.sent * BATCH_BYTES < 32 << 20
    held.cancel()
