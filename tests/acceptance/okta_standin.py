"""A stand-in for Okta's server, which can't be had here: ``get_application`` answers as Okta's API, secret and all."""

from typing import Any

from mcp.server.mcpserver import MCPServer

SECRET = "q7-Zk_the-client-secret-of-payroll"
server = MCPServer("okta")


@server.tool()
def get_application(app_id: str, expand: str = "") -> dict[str, Any]:
    """Get an application."""
    client = {"client_id": app_id, "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
    return {"id": app_id, "label": "payroll", "credentials": {"oauthClient": client}}


if __name__ == "__main__":
    server.run("stdio")
