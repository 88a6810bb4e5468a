"""Getting into a Kafka cluster, and why one was not let in, in words for who has to mend it.

The library's clients try every address and only say that none was of use. So whoever was not let in
knocks once more, by a connection of their own, and says what that met.
"""

import ssl
from asyncio import IncompleteReadError
from collections.abc import Awaitable, Sequence
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from connectors.logs.kafka_settings import MECHANISMS, PROTOCOLS, KafkaSettings
from schemas.errors import LogUnavailable

KNOCK_MS: Final = 5_000
"""How long one address may take to say why."""

_TLS_ALERT: Final = 0x1503
"""How an alert of TLS begins; a client in plain text takes it for the length of an answer."""

_MISNAMED: Final = (62, 64)
"""What OpenSSL says when a certificate is good and for another name or address."""


async def let_in(begins: Awaitable[Any], settings: KafkaSettings) -> None:
    """Wait until a client of the library has begun.

    Raises:
        LogUnavailable: no address let us in; says why.
    """
    try:
        await begins
    except KafkaConnectionError as error:
        raise LogUnavailable(await _why(settings, error)) from error


async def _why(settings: KafkaSettings, error: Exception) -> str:
    """What the first address says that gives a reason one can mend, else why none answers."""
    met = [error]
    for host, port, _ in collect_hosts(settings.bootstrap, randomize=False):
        try:
            await _knock(host, port, settings)
        except (OSError, KafkaError) as reason:
            sentence = _refusal(reason, settings)
            if sentence:
                return f"Kafka at {host}:{port} {sentence}"
            met.append(reason)
    said = getattr(met[-1], "strerror", None) or " ".join(str(met[-1]).split())
    return f"Kafka at {settings.bootstrap} cannot be reached: {said or type(met[-1]).__name__}"


async def _knock(host: str, port: int, settings: KafkaSettings) -> None:
    options = settings.client_options()
    del options["bootstrap_servers"]
    connection = AIOKafkaConnection(host, port, request_timeout_ms=KNOCK_MS, **options)
    await connection.connect()
    try:
        await connection.send(MetadataRequest([]))
    finally:
        connection.close()


def _refusal(error: Exception, settings: KafkaSettings) -> str | None:
    """What a broker meant by an error, and which setting would mend it; None if nothing."""
    match error:
        case SaslAuthenticationFailed():
            return (
                f"does not let in user {settings.sasl_username!r} with this password; "
                "set MOTIF_KAFKA_SASL_USERNAME and MOTIF_KAFKA_SASL_PASSWORD to those it knows"
            )
        case UnsupportedSaslMechanismError():
            mechanism = settings.client_options()["sasl_mechanism"]
            return (
                f"does not take passwords by {mechanism}; "
                f"set MOTIF_KAFKA_SASL_MECHANISM to {_others(MECHANISMS, mechanism)}"
            )
        case ssl.SSLCertVerificationError():
            return _untrusted(error, settings)
    return _broken_off(error.__cause__ or error, settings)


def _untrusted(error: ssl.SSLCertVerificationError, settings: KafkaSettings) -> str:
    said = error.verify_message.rstrip(".")
    if error.verify_code in _MISNAMED:
        return f"is called otherwise in its certificate: {said}; name it in MOTIF_KAFKA as there"
    trusted = settings.ca or "the system's authorities"
    return (
        f"has a certificate that is not trusted by {trusted}: {said}; "
        "set MOTIF_KAFKA_CA to a file that holds the authority that signed it"
    )


def _broken_off(cause: BaseException, settings: KafkaSettings) -> str | None:
    protocol = settings.security_protocol
    match cause:
        case ssl.SSLError() if "ALERT" in (cause.reason or ""):
            wants = (
                f"does not take the certificate {settings.certificate}"
                if settings.certificate
                else "asks for a certificate, and was shown none"
            )
            return (
                f"{wants}: {cause.reason.replace('_', ' ').lower()}; set MOTIF_KAFKA_CERTIFICATE "
                "and MOTIF_KAFKA_KEY to one that was signed by whom it trusts"
            )
        case IncompleteReadError(expected=int(length)) if length >> 16 == _TLS_ALERT:
            return (
                f"speaks TLS, which {protocol} is without; "
                "set MOTIF_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL"
            )
        case ConnectionRefusedError():
            return None
        case IncompleteReadError() | ssl.SSLError() | ConnectionError() | IllegalSaslStateError():
            return (
                f"broke off when it was spoken to in {protocol}; "
                f"set MOTIF_KAFKA_SECURITY_PROTOCOL to {_others(PROTOCOLS, protocol)}"
            )
    return None


def _others(names: Sequence[str], name: str) -> str:
    return " or ".join(one for one in names if one != name)
