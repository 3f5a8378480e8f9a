"""Asks a real language server (`deno lsp`) what an editor would show."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any


class LanguageServer:
    """`deno lsp` on one folder, as an editor with the Deno extension starts it."""

    def __init__(self, deno: str, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [deno, "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        self._number = 0
        self._settings = json.loads((folder / ".vscode/settings.json").read_text())
        self.diagnostics: dict[str, list[Any]] = {}
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": "folder"}],
                "initializationOptions": {"enable": self._settings["deno.enable"]},
                "capabilities": {"workspace": {"configuration": True}, "textDocument": {}},
            },
        )
        self._send({"method": "initialized", "params": {}})

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, path: Path, text: str) -> None:
        """Opens a file with a text that need not be on the disk."""
        document = {"uri": path.as_uri(), "languageId": "typescript", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def completions(self, path: Path, line: int, column: int) -> set[str]:
        """What could stand at a place; lines and columns from 0."""
        answer = self.ask(
            "textDocument/completion",
            {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}},
        )
        return {item["label"] for item in answer["items"]}

    def hover(self, path: Path, line: int, column: int) -> str:
        """What is shown about the name at a place."""
        answer = self.ask(
            "textDocument/hover",
            {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}},
        )
        return json.dumps(answer)

    def ask(self, method: str, params: object) -> Any:
        """Sends a request, and answers the server's own ones until the answer comes."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif "id" in message:
                items = message.get("params", {}).get("items", [])
                settings = {"enable": self._settings["deno.enable"]}
                result = [settings if item["section"] == "deno" else None for item in items]
                self._send({"id": message["id"], "result": result})

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        size = 0
        while (line := self._process.stdout.readline()) != b"\r\n":
            assert line, "the language server has ended"
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        message: dict[str, Any] = json.loads(self._process.stdout.read(size))
        return message
