"""A stand-in for a Splunk server, which can't be had here: it lists ``search_splunk`` and keeps the searches it gets.

Only what reaches the server is of interest; nothing is searched. ``KEPT`` in the environment names the file.
"""

import os
from pathlib import Path

from mcp.server.mcpserver import MCPServer

server = MCPServer("splunk")


@server.tool()
def search_splunk(search_query: str, earliest_time: str = "-24h") -> str:
    """Run a search."""
    with Path(os.environ["KEPT"]).open("a") as kept:
        kept.write(search_query + "\n")
    return "no events"


if __name__ == "__main__":
    server.run("stdio")
