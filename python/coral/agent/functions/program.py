"""What is known of a program: the values that the reading child hands to the agent."""

from __future__ import annotations

import msgspec


class FoundFunction(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One function. The order of the fields is the order of lists.

    Attributes:
        name: Its name as in the source, with package, module or class.
        file: The source file; empty when unknown.
        line: Its first line, from 1; 0 when unknown.
        binary: The binary or the Python module that holds it, as the service sees it.
        offset: Offset of its first instruction in the file, bytes; 0 when there is none.
    """

    name: str
    file: str
    line: int
    binary: str
    offset: int


class Program(msgspec.Struct, frozen=True, array_like=True):
    """All functions of a program.

    Attributes:
        functions: In order, without doubles.
        cut: Whether there are more than `MAX_PROGRAM_FUNCTIONS`.
        notes: What is missing and why, a sentence each.
    """

    functions: list[FoundFunction]
    cut: bool = False
    notes: list[str] = []


class BinaryJob(msgspec.Struct, frozen=True, tag="binary"):
    """Read an ELF binary.

    Attributes:
        path: Where to open it.
        shown: Its path as the service sees it.
        root: The file system root of the service, where its debug files may be.
    """

    path: str
    shown: str
    root: str = "/"


class PythonJob(msgspec.Struct, frozen=True, tag="python"):
    """Read the modules of a Python program.

    Attributes:
        arguments: The process's arguments, the interpreter first; or only it and a folder or file.
        folder: Its working directory, as the service sees it.
        root: The file system root of the service.
        python_path: Its `PYTHONPATH`.
        virtual_env: Its `VIRTUAL_ENV`.
    """

    arguments: list[str]
    folder: str
    root: str = "/"
    python_path: str = ""
    virtual_env: str = ""


Job = BinaryJob | PythonJob


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """Why a program could not be read."""

    message: str
    hint: str = ""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What was read."""

    program: Program


Outcome = Answer | Failure
