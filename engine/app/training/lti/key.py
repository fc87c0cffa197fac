"""This server's own key: platforms know by it that it is this server that asks to be let in with grades."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from engine.core.errors import EnvironmentLacks

BITS = 2048


class OwnKey:
    """Not a value: it is to be seen by nobody. Its public half is for everybody."""

    def __init__(self, private: RSAPrivateKey) -> None:
        self._private = private
        parts = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
        public = {name: str(parts[name]) for name in ("e", "kty", "n")}
        self.id = thumbprint(public)
        self._public = public | {"alg": "RS256", "use": "sig", "kid": self.id}

    @classmethod
    def in_file(cls, path: Path) -> OwnKey:
        """The key that is kept there; a new one where there is none.

        Raises:
            EnvironmentLacks: what is there is no key.
        """
        if not path.exists():
            _write(path, generate_private_key(65537, BITS))
        try:
            private = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise _no_key(path) from error
        if not isinstance(private, RSAPrivateKey) or private.key_size < BITS:
            raise _no_key(path)
        path.chmod(0o600)
        return cls(private)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """As platforms fetch it (RFC 7517)."""
        return {"keys": [dict(self._public)]}

    def signed(self, claims: Mapping[str, object]) -> str:
        """A token of ours."""
        return jwt.encode(dict(claims), self._private, "RS256", {"kid": self.id})


def thumbprint(public: Mapping[str, str]) -> str:
    """Name of a key, made from it (RFC 7638)."""
    text = json.dumps({name: public[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _no_key(path: Path) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"{path} holds no RSA key", "Remove it: a new one is made, and platforms fetch its public half by themselves."
    )


def _write(path: Path, private: RSAPrivateKey) -> None:
    """Whole or not at all."""
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
