"""Public keys that a passkey may have: of an algorithm that we asked for, and such that nobody signs without it."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn.helpers import decode_credential_public_key
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decoded_public_key_to_cryptography import decoded_public_key_to_cryptography

from keyturn.errors import Forbidden
from keyturn.passkeys.assertions import verdict

KINDS = {
    COSEAlgorithmIdentifier.ECDSA_SHA_256: EllipticCurvePublicKey,
    COSEAlgorithmIdentifier.EDDSA: Ed25519PublicKey,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256: RSAPublicKey,
}
"""The algorithms that we ask authenticators for."""

MIN_RSA_BITS, MIN_RSA_EXPONENT = 2_048, 65_537
_P = 2**255 - 19
_D = -121_665 * pow(121_666, -1, _P) % _P


def need_sound(cose: bytes) -> None:
    """Raise :class:`Forbidden` for a key that can't be used, whose algorithm is another kind's, or that is weak."""
    said = verdict(lambda: decode_credential_public_key(cose))
    key = verdict(lambda: decoded_public_key_to_cryptography(said))
    kind = KINDS.get(COSEAlgorithmIdentifier(said.alg))
    if kind is None or not isinstance(key, kind) or not _strong(key):
        raise Forbidden("the new passkey's public key is none that we accept", hint="use another authenticator")


def _strong(key: object) -> bool:
    if isinstance(key, EllipticCurvePublicKey):  # the library has refused a point that is not on its curve
        return isinstance(key.curve, SECP256R1)
    if isinstance(key, RSAPublicKey):
        exponent = key.public_numbers().e
        return key.key_size >= MIN_RSA_BITS and exponent >= MIN_RSA_EXPONENT and exponent % 2 == 1
    return isinstance(key, Ed25519PublicKey) and _of_large_order(key.public_bytes_raw())


def _of_large_order(point: bytes) -> bool:
    """The bytes are a point of edwards25519 (RFC 8032, 5.1.3), and none of the eight whose signatures anybody makes.

    With x^2 = u/v: those of order 1, 2 and 4 have y in 1, -1, 0; twice one of order 8 has y = 0, so x^2 = -y^2.
    """
    y = int.from_bytes(point, "little") & (2**255 - 1)
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    on_curve = pow(u * v, (_P - 1) // 2, _P) == 1
    return y < _P and y > 0 and on_curve and (u + y * y * v) % _P != 0
