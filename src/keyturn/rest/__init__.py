"""The surface for SOAR playbooks, the command line, and agents without MCP: REST under ``/v1``, OpenAPI 3.1."""

from keyturn.rest.app import create_app
from keyturn.rest.journal import Journal, JournalReader, JournalSnapshot

__all__ = ["Journal", "JournalReader", "JournalSnapshot", "create_app"]
