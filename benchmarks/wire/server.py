"""The tool server of the wire benchmark: one quick read, over streamable HTTP, on the port given."""

import sys

from fastmcp import FastMCP

mcp = FastMCP("bench")


@mcp.tool
def search(query: str) -> str:
    """Find one line."""
    return f"1 hit for {query}"


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="ERROR")
