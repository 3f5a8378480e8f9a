"""What an attack is after: secrets in files and in the environment, servers that nobody may reach, a process.

Each run has its own, so that two at a time are told apart.
"""

from __future__ import annotations

import errno
import secrets
import selectors
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

_MARK = "coral-secret-"
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/typescript\r\ncontent-length: %d\r\n"
    b"access-control-allow-origin: *\r\nconnection: close\r\n\r\n%s"
)


_PORTS_TRIED = 20


class Secret:
    """One secret, the same in all the places of one run.

    Attributes:
        text: `coral-secret-` and 16 hex digits; scripts look for the first part, the harness for all of it.
    """

    def __init__(self) -> None:
        self.text = _MARK + secrets.token_hex(8)

    def fill_outside(self, folder: Path) -> None:
        """Writes the files beside the script's folder that it may not read."""
        for name, text in {
            "secret.txt": f"{self.text}\n",
            "secret.json": f'{{"password": "{self.text}"}}',
            "secret.ts": f'export const secret = "{self.text}";\nexport const spill = () => console.log(secret);\n',
            "secret.js": f'export const secret = "{self.text}";\n',
            "secret.cjs": f'module.exports = {{ secret: "{self.text}" }};\n',
            "broken.ts": f"this is no code {self.text}\n",
            ".env": f"PASSWORD={self.text}\n",
            "node_modules/found/index.js": f'module.exports = {{ secret: "{self.text}" }};\n',
            "node_modules/found/package.json": '{"name": "found", "version": "1.0.0", "main": "index.js"}',
        }.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def fill_home(self, home: Path) -> None:
        """Writes what a home has that is worth stealing."""
        for name in (".ssh/id_ed25519", ".aws/credentials", ".npmrc", ".bash_history", ".netrc"):
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{self.text}\n")

    def environment(self) -> dict[str, str]:
        """Variables of the caller that a script may not see."""
        return {"AWS_SECRET_ACCESS_KEY": self.text, "CORAL_TOKEN": self.text, "GITHUB_TOKEN": self.text}


class Canary:
    """Servers on loopback that note every contact: TCP, UDP, Unix sockets; and a process that sleeps.

    Over TCP they answer whatever comes with a TypeScript module that holds the secret.

    Attributes:
        contacts: What reached them, in order.
    """

    def __init__(self, secret: Secret, folder: Path) -> None:
        self.contacts: list[str] = []
        self._secret = secret
        self._selector = selectors.DefaultSelector()
        self.tcp = self._listen_on_two_addresses()
        self.udp = self._listen("udp", socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)
        self.unix_path = str(folder / "docker.sock")
        self._listen("unix socket", socket.AF_UNIX, self.unix_path)
        self.abstract_name = f"coral-canary-{secrets.token_hex(6)}"
        self._listen("abstract socket", socket.AF_UNIX, f"\0{self.abstract_name}")
        # What a caller has open and did not mean to hand on: a connection, and a file.
        self.inherited, other = socket.socketpair()
        other.sendall(f"{secret.text}\n".encode())
        other.setblocking(False)
        self._selector.register(other, selectors.EVENT_READ, "inherited descriptor")
        self._file = (folder / "outside" / "secret.txt").open("rb")
        self.inherited_file = self._file.fileno()
        self.victim = subprocess.Popen(
            [sys.executable, "-S", "-c", "import signal; signal.pause()"], stdin=subprocess.DEVNULL
        )
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, "stop")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _listen_on_two_addresses(self) -> socket.socket:
        """Listens on one port of two addresses of this host, as 169.254.169.254 is another in a cloud."""
        for _ in range(_PORTS_TRIED):
            first = self._listen("tcp", socket.AF_INET, ("127.0.0.1", 0))
            try:
                self._listen("tcp 127.0.0.2", socket.AF_INET, ("127.0.0.2", first.getsockname()[1]))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                # A connection of somebody has that port there: another one.
                self._selector.unregister(first)
                first.close()
            else:
                return first
        raise AssertionError(f"none of {_PORTS_TRIED} ports is free on both addresses")

    @property
    def tcp_port(self) -> int:
        """Port of the TCP server on 127.0.0.1 and 127.0.0.2."""
        return int(self.tcp.getsockname()[1])

    @property
    def udp_port(self) -> int:
        """Port of the UDP server on 127.0.0.1."""
        return int(self.udp.getsockname()[1])

    def __enter__(self) -> Canary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._wake.close()
        self.inherited.close()
        self._file.close()
        self._selector.close()
        self.victim.kill()
        self.victim.wait()

    def _listen(
        self,
        name: str,
        family: socket.AddressFamily,
        address: tuple[str, int] | str,
        kind: socket.SocketKind = socket.SOCK_STREAM,
    ) -> socket.socket:
        listening = socket.socket(family, kind)
        listening.setblocking(False)
        try:
            listening.bind(address)
        except OSError:
            listening.close()
            raise
        if kind == socket.SOCK_STREAM:
            listening.listen(64)
        self._selector.register(listening, selectors.EVENT_READ, name)
        return listening

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                assert isinstance(key.fileobj, socket.socket)
                if key.data == "stop":
                    return
                self._meet(key.fileobj, str(key.data))

    def _meet(self, listening: socket.socket, name: str) -> None:
        try:
            if name == "inherited descriptor":
                told = listening.recv(2048)
                self.contacts.append(f"{name}: {told[:60]!r}")
                return
            if listening.type == socket.SOCK_DGRAM:
                self.contacts.append(f"{name}: {listening.recvfrom(2048)[0][:60]!r}")
                return
            connection, _ = listening.accept()
        except OSError:
            return  # it went away before it was met
        with connection:
            connection.settimeout(0.3)
            try:
                told = connection.recv(4096)
            except OSError:
                told = b""  # it only listened, or it is gone
            self.contacts.append(f"{name}: {told[:60]!r}")
            text = f'export const secret = "{self._secret.text}";\n'.encode()
            try:
                connection.sendall(_ANSWER % (len(text), text))
            except OSError:
                return  # it is gone; the contact counts
