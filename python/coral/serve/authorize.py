"""Lets a call through if its token's role may make it, before anything of its request is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from coral.errors import CoralError, ForbiddenError
from coral.serve.permissions import ANYBODY, PERMISSIONS, SCRIPT
from coral.serve.tokens import ANYONE, Caller, Tokens, set_caller
from coral.wire.status import abort

_Context = grpc.aio.ServicerContext[Any, Any]


class Authorization(grpc.aio.ServerInterceptor):
    """Checks tokens. It must be the first interceptor: what it refuses costs nothing more."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Passes the call on, or to a handler that refuses it."""
        method = handler_call_details.method
        roles = PERMISSIONS.get(method, frozenset())
        if roles is ANYBODY:
            return await continuation(handler_call_details)
        headers = dict(handler_call_details.invocation_metadata or ())
        try:
            caller = self._tokens.caller(headers.get("authorization"))
        except CoralError as error:
            return _refuses(error)
        handler = await continuation(handler_call_details)
        if handler is not None and caller.role not in roles:
            return _refuses(_forbidden(caller, method, roles))
        set_caller(caller)  # the handler runs in this task
        return handler


def admit_by(tokens: Tokens | None) -> Callable[[str, str], None]:
    """The same for calls by frames: a function of the token and the method, which notes the caller.

    Args:
        tokens: The colony's, or None where nobody needs one.
    """

    def admit(token: str, method: str) -> None:
        roles = PERMISSIONS.get(f"/{method}", frozenset())
        caller = ANYONE if tokens is None else tokens.caller(f"Bearer {token}" if token else None)
        if caller.role not in roles:
            raise _forbidden(caller, method, roles)
        set_caller(caller)

    return admit


def _forbidden(caller: Caller, method: str, roles: frozenset[str]) -> ForbiddenError:
    name = method.rpartition("/")[2]
    own = "a script" if caller.role == SCRIPT else f"the role {caller.role}"
    allowed = ", ".join(sorted(roles - {SCRIPT})) or "nobody"
    return ForbiddenError(
        f"{name} is not allowed to {own} (token {caller.name})",
        hint=f"it is allowed to: {allowed}; coral token create NAME --role ROLE makes a token of that role",
    )


def _refuses(error: CoralError) -> Any:
    async def refuse(requests: AsyncIterator[Any], context: _Context) -> None:
        await abort(context, error)

    # Of this kind whatever the method's: it does not wait for a request.
    return grpc.stream_stream_rpc_method_handler(refuse)
