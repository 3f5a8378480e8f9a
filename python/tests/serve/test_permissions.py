"""The table of who may make which call knows every call, and says what the roles are for."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from google.protobuf.descriptor import ServiceDescriptor

import coral._proto.colony.v1
import coral._proto.sdk.v1
from coral.colony.listening import FLEET_SERVICES, QUERY_SERVICES
from coral.config.token_file import ROLES
from coral.serve.permissions import ANYBODY, PERMISSIONS, SCRIPT


def calls() -> list[str]:
    """Every RPC that a colony serves, or will serve, and those of gRPC itself."""
    found = []
    for package in (coral._proto.colony.v1, coral._proto.sdk.v1):
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.endswith("_pb2"):
                continue
            stubs = importlib.import_module(f"{package.__name__}.{module.name}")
            services: dict[str, ServiceDescriptor] = stubs.DESCRIPTOR.services_by_name
            found += [
                f"/{service.full_name}/{rpc.name}" for service in services.values() for rpc in service.methods
            ]
    for name in ("grpc_health.v1.health_pb2", "grpc_reflection.v1alpha.reflection_pb2"):
        services = importlib.import_module(name).DESCRIPTOR.services_by_name
        found += [
            f"/{service.full_name}/{rpc.name}" for service in services.values() for rpc in service.methods
        ]
    return found


@pytest.mark.parametrize("method", calls())
def test_every_rpc_has_an_entry(method: str) -> None:
    roles = PERMISSIONS[method]
    assert roles is ANYBODY or roles <= {*ROLES, SCRIPT}
    assert roles, "nobody may make it"


def test_no_entry_is_of_a_call_that_there_is_not() -> None:
    assert set(PERMISSIONS) == set(calls())
    served = {f"{service}/" for service in (*QUERY_SERVICES, *FLEET_SERVICES)}
    assert all(any(method.startswith(f"/{service}") for method in PERMISSIONS) for service in served)


def test_an_agent_is_an_agent_only() -> None:
    allowed = {method.rpartition("/")[2] for method, roles in PERMISSIONS.items() if "agent" in roles}
    assert allowed == {"Connect", "GetFleetPort"}
    assert PERMISSIONS["/coral.colony.v1.FleetService/Connect"] == {"agent"}


def test_viewers_and_scripts_change_nothing() -> None:
    for role in ("viewer", SCRIPT):
        allowed = {method.rpartition("/")[2] for method, roles in PERMISSIONS.items() if role in roles}
        assert not {
            name for name in allowed if name.startswith(("Deploy", "Stop", "Run", "Cancel", "Connect"))
        }
    people = {method for method, roles in PERMISSIONS.items() if "viewer" in roles}
    assert {method for method, roles in PERMISSIONS.items() if SCRIPT in roles} < people
    assert people <= {method for method, roles in PERMISSIONS.items() if "admin" in roles}


def test_only_the_health_is_for_anybody() -> None:
    assert {method.split("/")[1] for method, roles in PERMISSIONS.items() if roles is ANYBODY} == {
        "grpc.health.v1.Health"
    }
