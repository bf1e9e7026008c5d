"""Body transformers for ``request.stream`` and ``response.stream``: they count bytes, and they never raise.

mitmproxy leaves the client hanging when a stream callable raises, and writes ``b""`` into a chunked message as its
end. So a fault here is noted on the transaction and handed to ``on_fault``, from then on nothing more goes out, and
"nothing" is the empty list.
"""

import logging
from collections.abc import Callable

from s3gateway import errors
from s3gateway.answer_watch import AnswerWatch, Refuse, Released
from s3gateway.bodies.whole import Body
from s3gateway.code_location import code_location
from s3gateway.mitm.flows import Transaction
from s3gateway.mitm.termination import Answer

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
            logger.error("request %s refused: upload stream failed with %s", record.request_id, code_location(error))  # noqa: TRY400
            self._transaction.refusal = errors.internal_error()
        else:
            return [out] if out else []
        self._on_fault()
        poison = self._body.poison()
        return [poison] if poison else []


class DownloadStream:
    """An answer's body on its way to the client, where its head alone has shown that it may pass."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __call__(self, data: bytes) -> list[bytes]:
        """Pass one read on; ``b""`` is the end of the message."""
        self._transaction.record.bytes_out += len(data)
        return [data] if data else []


class WatchedStream:
    """An answer's body that :class:`~s3gateway.answer_watch.AnswerWatch` looks at.

    A verdict is handed to ``on_verdict``. One that must not pass becomes another answer by ``instead``, or cuts the
    client by ``cut`` where the head has left: the client must not take a part for the whole.
    """

    def __init__(
        self,
        watch: AnswerWatch,
        transaction: Transaction,
        on_verdict: Callable[[Released | Refuse], None],
        instead: Callable[[errors.S3Error], Answer],
        cut: Callable[[], None],
    ) -> None:
        self._watch, self._transaction = watch, transaction
        self._on_verdict, self._instead, self._cut = on_verdict, instead, cut

    def __call__(self, data: bytes) -> list[bytes] | Answer:
        """Take one read, ``b""`` at the end; give what passes, or the answer that the client gets instead."""
        has_begun = self._watch.has_begun
        if self._transaction.refusal and not has_begun:  # what the client still sends has been found to be wrong
            return self._instead(self._transaction.refusal)
        try:
            out = self._watch.feed(data) if data else self._watch.finish()
            verdict, self._watch.verdict = self._watch.verdict, None
            if verdict:
                self._on_verdict(verdict)
        except Exception as error:  # noqa: BLE001 - fail closed: what could not be looked at must not pass
            request_id = self._transaction.record.request_id
            logger.error("request %s broken off: download stream failed with %s", request_id, code_location(error))  # noqa: TRY400
            out, verdict = b"", Refuse(errors.internal_error(), "")
        if isinstance(verdict, Refuse) and not has_begun:
            self._transaction.watch = None
            return self._instead(verdict.error)
        if isinstance(verdict, Refuse) and not out:
            self._cut()
        self._transaction.record.bytes_out += len(out)
        if out:
            self._transaction.watch = None
        return [out] if out else []
