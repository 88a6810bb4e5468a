"""A broker that asks for TLS, a client certificate and a password, and how to talk to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.kafka.broker import Broker

USER: Final = "motif"
PASSWORD: Final = "a password with = and ;"


@dataclass(frozen=True)
class SecuredBroker:
    """A broker, and the files of somebody whom it lets in."""

    bootstrap: str
    ca: Path
    foreign_ca: Path
    certificate: Path
    key: Path

    def environment(self, prefix: str) -> dict[str, str]:
        """The settings with which the broker lets in; names begin with the prefix."""
        return {
            "MOTIF_KAFKA": self.bootstrap,
            "MOTIF_KAFKA_PREFIX": prefix,
            "MOTIF_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "MOTIF_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "MOTIF_KAFKA_SASL_USERNAME": USER,
            "MOTIF_KAFKA_SASL_PASSWORD": PASSWORD,
            "MOTIF_KAFKA_CA": str(self.ca),
            "MOTIF_KAFKA_CERTIFICATE": str(self.certificate),
            "MOTIF_KAFKA_KEY": str(self.key),
        }


@contextmanager
def secured_broker(folder: Path) -> Iterator[SecuredBroker]:
    """A broker of its own for whoever asks, ended afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, foreign = trustme.CA(), trustme.CA()
    client = authority.issue_cert("client.example")
    files = {
        name: folder / f"{name}.pem" for name in ("ca", "foreign_ca", "certificate", "key", "store")
    }
    authority.cert_pem.write_to_path(files["ca"])
    foreign.cert_pem.write_to_path(files["foreign_ca"])
    client.cert_chain_pems[0].write_to_path(files["certificate"])
    client.private_key_pem.write_to_path(files["key"])
    store = files.pop("store")
    store.write_bytes(_key_store(authority.issue_cert("127.0.0.1")))
    properties = _properties(store, files["ca"])
    with Broker(
        folder, properties=properties, protocol="SASL_SSL", scram={USER: PASSWORD}
    ) as broker:
        yield SecuredBroker(broker.bootstrap, **files)


def _key_store(certificate: trustme.LeafCert) -> bytes:
    """The key and the certificate as Kafka reads them, which takes no other form than PKCS 8."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem + b"".join(one.bytes() for one in certificate.cert_chain_pems)


def _properties(store: Path, ca: Path) -> Mapping[str, str]:
    """What the listener for clients is told; `ssl.client.auth` counts with its prefix only."""
    return {
        "listener.name.clients.ssl.keystore.type": "PEM",
        "listener.name.clients.ssl.keystore.location": str(store),
        "listener.name.clients.ssl.truststore.type": "PEM",
        "listener.name.clients.ssl.truststore.location": str(ca),
        "listener.name.clients.ssl.client.auth": "required",
        "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }
