"""Surface: the MCP gateway, as clients see it, in 2026-07-28 and the 2025 revisions, over streamable HTTP and stdio.

It speaks the protocol and asks the gate; it decides nothing, reaches no store, and opens no upstream of its own.
"""

from keyturn.mcp_gateway.http import Gateway
from keyturn.mcp_gateway.ports import GatePort
from keyturn.mcp_gateway.settings import GatewaySettings
from keyturn.mcp_gateway.stdio import StdioGateway

__all__ = ["GatePort", "Gateway", "GatewaySettings", "StdioGateway"]
