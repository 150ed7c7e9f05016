"""A certificate authority of the tests, and servers that it vouches for."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LONG = timedelta(days=3650)


class Authority:
    """Its certificate is the file `path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
        certificate = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(True, None), True
        )
        self.path = folder / "authority.pem"
        self._write(self.path, certificate.sign(self._key, hashes.SHA256()))

    def server(self, host: str, *, lasts: timedelta = LONG) -> ssl.SSLContext:
        """For a server called `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = self._builder(name, key, lasts).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), False
        )
        certificate, private = self._folder / f"{host}.pem", self._folder / f"{host}.key"
        self._write(certificate, builder.sign(self._key, hashes.SHA256()))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta = LONG
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self._name, name, key.public_key(), x509.random_serial_number(), now - LONG, now + lasts
        )

    @staticmethod
    def _write(path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
