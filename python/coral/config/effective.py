"""What holds for commands: flag, environment, project file, user file, in this order.

On the way to `coral run`: what is expensive is imported only where a file exists.
"""

from __future__ import annotations

import os
import stat

from coral.config.access import Colony, read_access
from coral.config.paths import config_file, own_uid
from coral.errors import ConfigError, CoralError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.config.file import ConfigFile

PROJECT_FILE = "coral.yaml"
_told: list[str] = []


def find_project_file() -> tuple[str | None, str | None]:
    """Looks for `coral.yaml` in the working directory and above it, below the home directory at most.

    Returns:
        The file, or None; and one that is not used because another user may write it, or None.
    """
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        return None, None  # the directory was removed
    home = os.path.realpath(os.path.expanduser("~"))
    while True:
        path = os.path.join(folder, PROJECT_FILE)
        try:
            status = os.lstat(path)
            target = os.stat(path) if stat.S_ISLNK(status.st_mode) else status
        except OSError:
            pass  # none here
        else:
            # As with git's safe.directory: in /tmp anybody could put one above everybody's folders, and
            # be it a link to a file of root's.
            trusted = (0, own_uid())
            if status.st_uid not in trusted or target.st_uid not in trusted:
                return None, path
            return path, None
        parent = os.path.dirname(folder)
        if folder in (home, parent):
            return None, None
        folder = parent


def project_file() -> ConfigFile | None:
    """Reads the project's file, if there is one.

    Raises:
        ConfigError: It cannot be used.
    """
    path, foreign = find_project_file()
    if foreign is not None and foreign not in _told:
        from coral.config.file import shown
        from coral.printing import say

        _told.append(foreign)
        say(f"{shown(foreign)} is not used: it belongs to another user")
    if path is None:
        return None
    from coral.config.file import read_file, shown

    return read_file(shown(path), project=True)


def user_file() -> ConfigFile | None:
    """Reads the user's file, if there is one.

    Raises:
        ConfigError: It cannot be used.
    """
    path = config_file()
    if not os.path.exists(path):
        return None
    from coral.config.file import read_file

    return read_file(path, project=False)


class Choice:
    """Which colony is meant, and why.

    Attributes:
        address: `HOST:PORT`.
        source: What said so: `--colony`, `environment variable X`, or `FILE:LINE`.
        context: The context, or None where the address itself was given.
        by_project: Whether a project file said so.
        tls_ca: The context's certificate authority: a path, `system`, or None.
        token_file: The context's file of a token, or None.
    """

    __slots__ = ("address", "by_project", "context", "source", "tls_ca", "token_file")

    def __init__(
        self,
        address: str,
        source: str,
        *,
        context: str | None = None,
        by_project: bool = False,
        tls_ca: str | None = None,
        token_file: str | None = None,
    ):
        self.address = address
        self.source = source
        self.context = context
        self.by_project = by_project
        self.tls_ca = tls_ca
        self.token_file = token_file


def choose_colony(flag: str | None) -> Choice | None:
    """Says which colony is meant, or None where nothing says so.

    Args:
        flag: The value of `--colony`.

    Raises:
        UsageError: The flag is no address.
        ConfigError: The environment or a file cannot be used.
    """
    from coral.config.address import normal_address

    if flag is not None:
        return Choice(normal_address(flag), "--colony")
    address = os.environ.get("CORAL_COLONY")
    if address:
        source = "environment variable CORAL_COLONY"
        try:
            return Choice(normal_address(address), source)
        except CoralError as error:
            raise ConfigError(f"{source}: {error.message}", hint=error.hint) from None
    name = os.environ.get("CORAL_CONTEXT")
    if name:
        return _of_context(name, "environment variable CORAL_CONTEXT", user_file())
    project = project_file()
    if project is not None:
        chosen = _of_file(project, by_project=True)
        if chosen is not None:
            return chosen
    user = user_file()
    return None if user is None else _of_file(user)


def _of_file(file: ConfigFile, *, by_project: bool = False) -> Choice | None:
    if "colony" in file.values:
        return Choice(file.values["colony"], file.source("colony"), by_project=by_project)
    if "context" in file.values:
        own = user_file() if by_project else file
        return _of_context(file.values["context"], file.source("context"), own, by_project=by_project)
    return None


def _of_context(name: str, source: str, user: ConfigFile | None, *, by_project: bool = False) -> Choice:
    known = {} if user is None else user.contexts
    if name not in known:
        hint = f"the contexts are {', '.join(known)}" if known else "there are none yet"
        raise ConfigError(
            f"{source}: there is no context {name!r}",
            hint=f"{hint}; coral config add-context {name} HOST:PORT adds it",
        )
    found = known[name]
    return Choice(
        found.colony,
        source,
        context=name,
        by_project=by_project,
        tls_ca=found.tls_ca,
        token_file=found.token_file,
    )


def access_of(chosen: Choice, *, tls_ca: str | None, token_file: str | None) -> Colony:
    """Reads with what the chosen colony is reached: flag, environment, context, in this order.

    What a project file chose, which may be anybody's, gets nothing from the environment: a folder that was
    downloaded could name a colony of its own, and would be sent the token of another.

    Args:
        chosen: The colony.
        tls_ca: The value of `--tls-ca`.
        token_file: The value of `--token-file`.

    Raises:
        ConfigError: A file cannot be used, or the token would be sent in clear.
    """
    environment = {} if chosen.by_project else os.environ
    ca = tls_ca or environment.get("CORAL_TLS_CA") or chosen.tls_ca
    path = token_file or environment.get("CORAL_TOKEN_FILE")
    token = None if path else environment.get("CORAL_TOKEN") or None
    if not path and not token:
        path = chosen.token_file
    if not (ca or path or token):
        return Colony(chosen.address)
    access = read_access(chosen.address, tls_ca=ca or None, token_file=path or None, token=token)
    return Colony(chosen.address, access)
