"""What agent builders import: a client of the REST API, and a decorator that sends a function through the gate."""

from keyturn.sdk.client import Client, Unreachable
from keyturn.sdk.gated import Denied, Gated, Held, NotDone
from keyturn.sdk.views import ActionView, Explanation

__all__ = ["ActionView", "Client", "Denied", "Explanation", "Gated", "Held", "NotDone", "Unreachable"]
