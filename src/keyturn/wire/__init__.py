"""The words of MCP on the wire, both generations, shared by the surface and by the upstream side; no policy here."""
