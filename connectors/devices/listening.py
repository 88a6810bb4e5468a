"""Listening for devices that ask for an address. Nothing is sent: the socket is read only.

Such requests go to everybody on the link, to a port below 1024; who listens needs the right to.
"""

import socket
from collections.abc import Callable, Iterator
from typing import Final

from connectors.devices import bootp
from connectors.devices.captures import Packet, Place
from schemas.clock import monotonic_s, now_us
from schemas.errors import MotifError

_LOOK_S: Final = 0.5
"""How long it takes at most until it is noticed that listening is over."""


def heard_for(
    seconds: float, *, port: int = bootp.PORT, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Packet]:
    """What comes within so many seconds, as packets of a capture.

    Raises:
        MotifError: the port cannot be listened on.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            heard.bind(("", port))
        except PermissionError as error:
            message = (
                f"listening on port {port} needs a right that this user has not; run it as root, "
                "give the interpreter CAP_NET_BIND_SERVICE, or capture elsewhere and use --capture"
            )
            raise MotifError(message) from error
        except OSError as error:
            message = f"port {port} cannot be listened on ({error.strerror}); is a server there?"
            raise MotifError(message) from error
        began_s = monotonic_s()
        while (left_s := seconds - (monotonic_s() - began_s)) > 0 and not stopped():
            heard.settimeout(min(left_s, _LOOK_S))
            try:
                payload, (address, source_port) = heard.recvfrom(bootp.LENGTH_MAX + 1)
            except TimeoutError:
                continue
            source, target = Place(address, source_port), Place("255.255.255.255", bootp.PORT)
            yield Packet(now_us(), "udp", source, target, payload)
