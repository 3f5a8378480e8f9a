"""Addresses, and which colony is meant: `--colony`, then what `coral.config.effective` finds.

What comes after these (a running local colony, starting one) is `coral.embedded`.
"""

from __future__ import annotations

from coral.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.config.access import Colony

_HINT = "write HOST:PORT, for example 127.0.0.1:4000, [::1]:4000 or colony.internal:4000"


def parse_address(text: str) -> tuple[str, int]:
    """Splits `HOST:PORT`.

    Args:
        text: A host name, an IPv4 address or an IPv6 address in brackets; a colon; a port 1-65535.

    Returns:
        The host (IPv6 without its brackets) and the port.

    Raises:
        UsageError: The text has another form.

    >>> parse_address("[::1]:4000")
    ('::1', 4000)
    """
    if "://" in text:
        raise UsageError(f"{text!r} has a scheme, expected HOST:PORT", hint=_HINT)
    host, colon, port_text = text.rpartition(":")
    if not colon or not host:
        raise UsageError(f"{text!r} is not HOST:PORT", hint=_HINT)
    if not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text) <= 65535):
        raise UsageError(f"{port_text!r} in {text!r} is not a port, expected 1 to 65535", hint=_HINT)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host or not all(c in "0123456789abcdefABCDEF:.%" or c.isalnum() for c in host):
            raise UsageError(f"[{host}] in {text!r} is not an IPv6 address", hint=_HINT)
    elif not host.isascii() or not all(c.isalnum() or c in "-._" for c in host):
        raise UsageError(f"{host!r} in {text!r} is not a host", hint=_HINT)
    return host, int(port_text)


def format_address(host: str, port: int) -> str:
    """Joins a host and a port; the reverse of `parse_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def normal_address(text: str) -> str:
    """Checks `HOST:PORT` and writes it in the usual way.

    Raises:
        UsageError: It is no address.
    """
    return format_address(*parse_address(text.strip()))


def configured_colony(
    flag: str | None, *, tls_ca: str | None = None, token_file: str | None = None, quiet: bool = False
) -> Colony | None:
    """Returns the colony as the user set it, or None where nothing is set.

    A project file that says so is named on stderr: it may be anybody's.

    Args:
        flag: The value of `--colony`.
        tls_ca: The value of `--tls-ca`.
        token_file: The value of `--token-file`.
        quiet: Whether to say nothing.

    Raises:
        UsageError: The flag is not an address, or there is no colony that the others could be for.
        ConfigError: An environment variable or a configuration file is not usable, or the token would be
            sent in clear.
    """
    from coral.config.effective import access_of, choose_colony

    chosen = choose_colony(flag)
    if chosen is None:
        for name, value in (("--tls-ca", tls_ca), ("--token-file", token_file)):
            if value is not None:
                raise UsageError(
                    f"{name} is given, and no colony that it is for", hint="name it: --colony HOST:PORT"
                )
        return None
    if chosen.by_project and not quiet:
        context = "" if chosen.context is None else f" (context {chosen.context})"
        where = chosen.source.rpartition(":")[0]
        from coral.printing import say

        say(f"using colony {chosen.address}{context} from {where}")
    return access_of(chosen, tls_ca=tls_ca, token_file=token_file)
