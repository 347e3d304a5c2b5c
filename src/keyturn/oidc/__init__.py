"""An OpenID Connect provider as the gate's :class:`~keyturn.gate.oidc_ports.Recogniser`."""

from keyturn.oidc.provider import Provider

__all__ = ["Provider"]
