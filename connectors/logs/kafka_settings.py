"""How to reach a Kafka cluster: addresses, a prefix for names, and the client's security."""

import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from schemas.errors import LogUnavailable, WrongUse

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""What `security.protocol` may be in Kafka's clients."""

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""What `sasl.mechanism` may be here."""


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where a cluster is and how to show who we are.

    `prefix` stands before the names of topics, transactional ids and groups, so that several logs
    can share a cluster. Passwords are kept out of what is printed.
    """

    bootstrap: str
    prefix: str = ""
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: str | None = field(default=None, repr=False)

    def client_options(self) -> dict[str, Any]:
        """What every client of the library takes.

        Raises:
            WrongUse: a protocol needs what is not stated.
            LogUnavailable: a certificate or key cannot be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.startswith("SASL"):
            if self.sasl_username is None or self.sasl_password is None:
                raise WrongUse(
                    f"{self.security_protocol} needs a user and a password; "
                    "set MOTIF_KAFKA_SASL_USERNAME and MOTIF_KAFKA_SASL_PASSWORD"
                )
            options["sasl_mechanism"] = self.sasl_mechanism or "SCRAM-SHA-512"
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        return options

    def _ssl_context(self) -> ssl.SSLContext:
        """The system's certificate authorities or the one stated, and our own certificate."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, self.key_password or "")
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(one) for one in (self.ca, self.certificate, self.key) if one)
            raise LogUnavailable(
                f"TLS cannot be set up from {files}: {error}; they must be PEM files that belong "
                "together, and the password that of the key"
            ) from error
        return context


def check_installed() -> None:
    """Say what to install where the client library is missing.

    Raises:
        WrongUse: it is.
    """
    if find_spec("aiokafka") is None:
        raise WrongUse("Kafka needs a library that is not installed: pip install 'motif[kafka]'")
