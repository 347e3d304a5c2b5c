"""The surface for people: server-rendered pages under ``/console``, where keys are turned with passkeys."""

from keyturn.console.app import Console

__all__ = ["Console"]
