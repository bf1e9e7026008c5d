"""Body transformers for ``request.stream`` and ``response.stream``: they count bytes, and they never raise.

mitmproxy leaves the client hanging when a stream callable raises, and writes ``b""`` into a chunked message as its
end. So a fault here is noted on the transaction and handed to ``on_fault``, from then on nothing more goes out, and
"nothing" is the empty list.
"""

import logging
from collections.abc import Callable

from s3gateway import errors
from s3gateway.body import Body
from s3gateway.mitm.flows import Transaction
from s3gateway.mitm.place import place
from s3gateway.rules.responses import LocationRewriter

logger = logging.getLogger(__name__)


class UploadStream:
    """The client's body on its way to the backend."""

    def __init__(self, body: Body, transaction: Transaction, on_fault: Callable[[], None]) -> None:
        self._body = body
        self._transaction = transaction
        self._on_fault = on_fault

    def __call__(self, data: bytes) -> list[bytes]:
        """Transform one read; ``b""`` is the end of the message."""
        if self._transaction.refusal is not None:
            return []
        record = self._transaction.record
        record.bytes_in += len(data)
        try:
            out = self._body.feed(data) if data else self._body.finish()
            record.chunks = self._body.chunks
        except errors.S3Error as error:
            self._transaction.refusal = error.detached()
        except Exception as error:  # noqa: BLE001 - fail closed: whatever it is, nothing more may reach the backend
            logger.error("request %s refused: upload stream failed with %s", record.request_id, place(error))  # noqa: TRY400
            self._transaction.refusal = errors.internal_error()
        else:
            return [out] if out else []
        self._on_fault()
        poison = self._body.poison()
        return [poison] if poison else []


class DownloadStream:
    """The backend's body on its way to the client."""

    def __init__(
        self, transaction: Transaction, rewriter: LocationRewriter | None, on_fault: Callable[[], None]
    ) -> None:
        self._transaction = transaction
        self._rewriter = rewriter
        self._on_fault = on_fault

    def __call__(self, data: bytes) -> list[bytes]:
        """Pass one read on; ``b""`` is the end of the message."""
        record = self._transaction.record
        try:
            if self._rewriter:
                data = self._rewriter.feed(data) if data else self._rewriter.finish()
            record.bytes_out += len(data)
        except Exception as error:  # noqa: BLE001 - fail closed: the client must not take a part for the whole
            logger.error("request %s broken off: download stream failed with %s", record.request_id, place(error))  # noqa: TRY400
            self._on_fault()
            return []
        return [data] if data else []
