"""Two functions of a SOC. The gateway runs this file as an MCP server; it alone would hold the EDR's credential."""

from mcp.server.mcpserver import MCPServer

ISOLATED: set[str] = set()


def host_status(host: str) -> dict[str, object]:
    """Say whether a host is cut off the network."""
    return {"host": host, "isolated": host in ISOLATED}


def isolate_host(host: str) -> dict[str, object]:
    """Cut a host off the network."""
    ISOLATED.add(host)
    return {"host": host, "isolated": True}


def lift_host(host: str) -> dict[str, object]:
    """Let a host back on the network."""
    ISOLATED.discard(host)
    return {"host": host, "isolated": False}


if __name__ == "__main__":
    server = MCPServer("soc")
    for function in (host_status, isolate_host, lift_host):
        server.tool()(function)
    server.run()
