"""FastMCP's proxy with one reused upstream session."""

import asyncio
import sys

from fastmcp import Client
from fastmcp.server import create_proxy


async def main(url: str, port: int) -> None:
    """Serve until killed."""
    async with Client(url) as upstream:
        proxy = create_proxy(upstream)
        await proxy.run_async(transport="http", host="127.0.0.1", port=port, show_banner=False, log_level="ERROR")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
