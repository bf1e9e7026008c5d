"""``s3_buffer_bodies``: request bodies that mitmproxy reads whole, so that an operator may edit them.

mitmproxy sends off what it has read so far when ``stream_large_bodies`` is exceeded, whatever the gateway has decided.
That option therefore lowers the limit; and a held request has no address until it is released, so that if the option
changes while a body is being read, the connection fails instead of carrying what nobody has verified.
"""

import logging
from datetime import UTC, datetime

from mitmproxy import exceptions, http
from mitmproxy.net.http import http1
from mitmproxy.optmanager import OptManager
from mitmproxy.utils import human

from s3gateway import errors
from s3gateway.bodies.held import hold
from s3gateway.code_location import code_location
from s3gateway.gateway import Admitted, Arrival
from s3gateway.mitm.flows import Transaction
from s3gateway.mitm.refusal import refuse_whole
from s3gateway.mitm.start.live import Current

logger = logging.getLogger(__name__)

OPTION = "s3_buffer_bodies"
OPTIONS = frozenset((OPTION, "stream_large_bodies"))
HELP = (
    "For debugging: hold request bodies up to this size (64k, 1m), so that an intercepted one can be edited. "
    "It is verified first, and signed anew when it is resumed. Larger ones stream as always. Empty is off."
)
_NOWHERE = "held.invalid"


def limit(options: OptManager) -> int:
    """Read the largest size that is held, in bytes; 0 is none. Raises mitmproxy's ``OptionsError``."""
    wanted = getattr(options, OPTION)
    try:
        size = human.parse_size(wanted or "0")
        streamed = human.parse_size(options.stream_large_bodies)
    except ValueError:
        size = streamed = -1
    if size is None or size < 0:
        raise exceptions.OptionsError(f"{OPTION}: {wanted!r} is no size such as 65536, 64k or 1m")
    return size if streamed is None else min(size, streamed)


def is_held(flow: http.HTTPFlow, arrival: Arrival, limit: int) -> bool:
    """Whether this body is one to hold: its length is known, and not above ``limit`` bytes."""
    return arrival.has_body and 0 < (http1.expected_http_body_size(flow.request) or 0) <= limit


def keep_whole(flow: http.HTTPFlow) -> None:
    """From ``requestheaders``: have the body read, and nothing sent."""
    flow.request.stream = False
    flow.request.data.host = _NOWHERE


def verify(flow: http.HTTPFlow, transaction: Transaction, admitted: Admitted, current: Current) -> None:
    """From ``request``, before anybody may edit it; what has no ``held`` after this is not sent."""
    linger = current.config.limits.refusal_linger
    try:
        wire = flow.request.raw_content or b""
        transaction.record.bytes_in = len(wire)
        held = hold(admitted, wire, current.config, current.signer, datetime.now(UTC))
        flow.request.raw_content = held.content
    except errors.S3Error as error:
        refuse_whole(flow, transaction, error, linger)
    except Exception as error:  # noqa: BLE001 - fail closed
        logger.error("request %s refused: %s", transaction.record.request_id, code_location(error))  # noqa: TRY400
        refuse_whole(flow, transaction, errors.internal_error(), linger)
    else:
        transaction.held, transaction.content = held, held.content
        transaction.record.chunks = held.chunks
