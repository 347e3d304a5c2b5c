"""``tools/call``: the gate decides, and its answer is put as this client can take it."""

from collections.abc import Awaitable, Callable, Mapping, Set
from typing import Any

import msgspec
from mcp.shared.inbound import validate_mcp_param_headers

from keyturn.core.action import ModelOutput, ToolRef
from keyturn.core.execution import State
from keyturn.core.profile import Stage
from keyturn.errors import Conflict, Forbidden, InvalidInput, NotFound
from keyturn.gate.ports import Clock, Definition
from keyturn.gate.records import ActionRecord
from keyturn.mcp_gateway import envelope, own_tools, render, results
from keyturn.mcp_gateway.exchange import Exchange
from keyturn.mcp_gateway.held import Held
from keyturn.mcp_gateway.messages import text_param
from keyturn.mcp_gateway.ports import GatePort, Proposal
from keyturn.mcp_gateway.sealing import PREFIX, Seal, digest_of, not_valid
from keyturn.mcp_gateway.settings import GatewaySettings
from keyturn.mcp_gateway.view import View
from keyturn.wire import rpc
from keyturn.wire.caller import Caller
from keyturn.wire.names import INVALID_PARAMS, PARAM_HEADER_PREFIX
from keyturn.wire.session import MODERN, RpcError, Session

RETRY = ("inputResponses", "requestState")
MAX_KNOWN = 10_000
_param_prefix = PARAM_HEADER_PREFIX.lower().encode()


class Calls:
    """Tool calls of every client of one gateway."""

    def __init__(
        self,
        gate: GatePort,
        clock: Clock,
        settings: GatewaySettings,
        strict: Set[ToolRef],
        open_session: Callable[[Exchange, str], Awaitable[Session]],
    ) -> None:
        self._gate = gate
        self._open = open_session
        self._clock = clock
        self._settings = settings
        self._seal = Seal(settings.state_key)
        self.held = Held(gate, clock, settings, self._seal, strict)

    async def call(self, x: Exchange, view: View) -> bytes:
        """The result of one ``tools/call``. Raises :class:`RpcError` and the gate's errors."""
        name = text_param(x.params, "name")
        arguments = x.params.get("arguments")
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "params.arguments must be an object")
        try:
            if self._settings.own_tools and name in own_tools.NAMES:
                return await own_tools.run(x, self._gate, name, arguments)
            state = x.params.get("requestState")
            if isinstance(state, str) and state.startswith(PREFIX):
                return await self._resume(x, state)
            tool = view.named(name)
            if state is not None:
                await self._must_be_the_servers(x, tool, state)
            return await self._propose(x, tool, arguments)
        except (InvalidInput, Forbidden, Conflict) as e:
            return results.text_result(str(e), {"error": e.code, "hint": e.hint}, x.modern, is_error=True)

    async def _propose(self, x: Exchange, tool: ToolRef, arguments: dict[str, Any]) -> bytes:
        definition = self._gate.definition(tool)
        schema = definition.input_schema if definition is not None else {}
        if definition is not None and x.headers is not None and x.modern:
            _check_headers(x.headers, definition, arguments)
        output = ModelOutput()
        if envelope.name_for(schema) == envelope.NAME or self._gate.stage_of(tool) is Stage.RESPOND:
            arguments, output = envelope.taken(arguments, schema)
        caller = Caller(
            link=x,
            session=await x.own(tool.upstream) if x.own is not None else None,
            extra={key: x.params[key] for key in RETRY if key in x.params},
        )
        try:
            proposed = await self._gate.propose(x.agent, Proposal(tool, arguments, x.mandate, output), caller)
        except NotFound as e:
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {e}") from None
        if proposed.answer is not None:
            return passed_on(proposed.answer.result, x)
        return await self._stands(x, proposed.record)

    async def _stands(self, x: Exchange, record: ActionRecord, round: int = 0) -> bytes:
        if record.state in render.WAITING:
            return await self.held.answer(x, record, round)
        return await self.held.outcome(x, record)

    async def _must_be_the_servers(self, x: Exchange, tool: ToolRef, state: object) -> None:
        """A state that is not ours goes on to a server that hands out its own; nobody else may get one."""
        if not isinstance(state, str) or (await self._open(x, tool.upstream)).server.revision != MODERN:
            raise not_valid()

    async def _resume(self, x: Exchange, text: str) -> bytes:
        """A client comes back for its held call, with what its user answered."""
        digest = digest_of(x.method, x.params)
        state = self._seal.open(text, x.agent.id, digest, self._clock.now())
        answer = (x.params.get("inputResponses") or {}).get("keyturn") if _is_object(x.params) else None
        action = answer.get("action") if isinstance(answer, dict) else None
        content = answer.get("content") if isinstance(answer, dict) else None
        record = await self._gate.look(x.agent, state.action)
        if isinstance(content, dict) and content.get("next") == "withdraw" and record.state is State.HELD:
            record = await self._gate.withdraw(x.agent, state.action, "withdrawn at the client")
        elif record.state in render.WAITING and action == "accept":
            record = await self._gate.wait(x.agent, state.action, self._settings.hold_wait_s)
        elif record.state in render.WAITING:
            return self.held.plain(x, record)
        return await self._stands(x, record, state.round)


def passed_on(result: bytes, x: Exchange) -> bytes:
    """A server's answer as it came: its result, or its JSON-RPC error raised."""
    if (error := rpc.error_in_result(result)) is not None:
        raise error
    return results.complete(result, x.modern)


def _is_object(params: dict[str, Any]) -> bool:
    return isinstance(params.get("inputResponses"), dict)


def _check_headers(headers: Mapping[bytes, bytes], definition: Definition, arguments: dict[str, Any]) -> None:
    """``Mcp-Param-*`` headers say what the arguments say (2026-07-28): proxies route by them."""
    given = {k.decode("latin-1"): v.decode("latin-1") for k, v in headers.items() if k.startswith(_param_prefix)}
    if not given and not _wants_headers(definition):
        return
    rejection = validate_mcp_param_headers(definition.input_schema, arguments, given)
    if rejection is not None:
        raise RpcError(rejection.code, rejection.message, rejection.data)


def _wants_headers(definition: Definition, known: dict[str, bool] = {}) -> bool:  # noqa: B006 -- the memory is meant
    """The schema asks for arguments in headers; found out once for each definition."""
    wants = known.get(definition.fingerprint)
    if wants is None:
        if len(known) >= MAX_KNOWN:
            known.clear()
        wants = b"x-mcp-header" in msgspec.json.encode(definition.input_schema)
        known[definition.fingerprint] = wants
    return wants
