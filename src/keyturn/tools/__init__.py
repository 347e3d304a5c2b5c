"""How a call reaches the world: MCP servers behind the gate, over stdio and streamable HTTP, of both generations."""
