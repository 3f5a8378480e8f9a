"""Answers which functions a service has, from the programs that run it on this host."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from itertools import groupby

from coral._proto.colony.v1 import query_pb2 as pb
from coral.agent.functions.processes import ProcessFinder
from coral.agent.functions.program import FoundFunction
from coral.agent.functions.reader import ProgramReader
from coral.errors import CoralError
from coral.query.functions import Asked, asked, best_match, next_token


@dataclass(frozen=True)
class _Read:
    """What was read of a service's programs; its functions are in order."""

    functions: list[FoundFunction]
    cut: bool
    notes: list[str]


class FunctionCatalogue:
    """The functions of services on this host. Used from one event loop."""

    def __init__(self, finder: ProcessFinder, reader: ProgramReader) -> None:
        self._finder = finder
        self._reader = reader

    async def list_functions(self, request: pb.ListFunctionsRequest) -> pb.ListFunctionsResponse:
        """See the RPC."""
        wanted = asked(request)
        read = await self._read(wanted.service)
        return await asyncio.to_thread(_page, wanted, read)

    async def get_function(self, request: pb.GetFunctionRequest) -> pb.GetFunctionResponse:
        """See the RPC."""
        read = await self._read(request.service)
        found = await asyncio.to_thread(best_match, request.service, request.name, read.functions)
        return pb.GetFunctionResponse(function=_to_wire(request.service, found))

    async def _read(self, service: str) -> _Read:
        sources = await asyncio.to_thread(self._finder.programs, service)
        programs = []
        problems: list[CoralError] = []
        for source in sources:
            try:
                programs.append(await self._reader.read(source))
            except CoralError as error:
                problems.append(error)
        if not programs:
            raise problems[0]
        notes = [note for program in programs for note in program.notes]
        notes += [error.message for error in problems]
        if len(programs) == 1:
            functions = programs[0].functions
        else:
            parts = [program.functions for program in programs]
            functions = await asyncio.to_thread(lambda: [key for key, _ in groupby(heapq.merge(*parts))])
        return _Read(functions, any(program.cut for program in programs), notes)


def _page(wanted: Asked, read: _Read) -> pb.ListFunctionsResponse:
    page: list[FoundFunction] = []
    more = False
    for function in wanted.beyond(read.functions):
        if wanted.matches(function.name):
            if len(page) == wanted.size:
                more = True
                break
            page.append(function)
    return pb.ListFunctionsResponse(
        functions=[_to_wire(wanted.service, function) for function in page],
        next_page_token=next_token(page[-1]) if more else "",
        completeness=pb.Completeness(rows_cut=read.cut, notes=read.notes),
    )


def _to_wire(service: str, function: FoundFunction) -> pb.Function:
    return pb.Function(
        service_name=service,
        name=function.name,
        file=function.file,
        line=function.line,
        binary=function.binary,
        offset_bytes=function.offset,
    )
