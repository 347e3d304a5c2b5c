"""WebAuthn, over py_webauthn: the gate's relying party, and the same checks offline over a published journal."""

from keyturn.passkeys.offline import KeyCheck, KeyProblem, KeyReport
from keyturn.passkeys.relying_party import RelyingParty

__all__ = ["KeyCheck", "KeyProblem", "KeyReport", "RelyingParty"]
