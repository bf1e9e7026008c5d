"""Which of several backends serves an exchange, and when another one is tried. Nothing of this runs where there is one.

What may be tried again, each once and within a budget, signed anew because ``Host`` differs:

1. Not connected: anything. Nothing has left.
2. Connection lost, or the backend fell, before a byte of an answer: what may run twice
   (:mod:`~s3gateway.rules.repeatable`), and has no body that was begun.
3. 503 to a request without a body: the backend has done nothing.

4. Connection lost, or the backend fell, in the middle of an object: the rest of it
   (:mod:`~s3gateway.rules.continuation`), or the client is cut off.

Never once a byte of the client's body has been taken: the client reads 503 SlowDown and sends it again itself.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from s3gateway import errors, gateway
from s3gateway.gateway import Admitted, Outgoing
from s3gateway.http1.exchange import Answer, Link, Upload
from s3gateway.rules.access import is_read
from s3gateway.rules.balance import Need, weight
from s3gateway.rules.continuation import Rest, rest
from s3gateway.rules.health import Broke, Event, Unreachable
from s3gateway.rules.repeatable import is_repeatable
from s3gateway.wire.answering import LARGE, Answering
from s3gateway.wire.member import Member
from s3gateway.wire.reply import Reply

RETRY_AFTER: Final = (b"Retry-After", b"1")

_OURS: Final = re.compile(r"\[Errno (12|23|24|99|105)\]")
"""ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS: what this machine lacks is no backend's fault."""

_SLOW_BY_NATURE: Final = frozenset(("CompleteMultipartUpload", "CopyObject", "UploadPartCopy"))
_PATIENCE_SECONDS: Final = 10.0
"""How long a request may still wait for a backend that has fallen since: who stood still for some seconds may go on and
answer, one without quorum hangs for minutes."""

Make = Callable[[Admitted], tuple[Outgoing, bytes]]
"""Signs what leaves, for the backend that is chosen now; gives it and a body that was held."""


class Choosing(Answering):
    """Chooses a backend. A :class:`~s3gateway.wire.member.Using`."""

    @property
    def need(self) -> Need:
        """What the request needs of a backend."""
        admitted = self.transaction.admitted
        return Need.READ if admitted is not None and is_read(admitted.operation.name) else Need.WRITE

    def _choose(self) -> bool:
        """Choose a backend, or refuse at once where there is none."""
        cluster = self._service.cluster
        if cluster is None:
            return True
        need = self.need
        member = cluster.choose(need)
        if member is None:
            self._refuse_for_now(cluster.why_none(need))
            return False
        self._use(member)
        return True

    def _use(self, member: Member) -> None:
        if self._member is not None:
            self._member.leave(self, self._weight)
        length = self._request.length
        self._member, self._weight = member, weight(length) if length > 0 else 1.0
        self._fell_at = None
        self._current = member.enter(self, self._weight, self._came_under)
        self.transaction.record.endpoint = member.name

    def _weigh_answer(self, length: int) -> None:
        """Count a large answer for what it is."""
        if self._member is not None:
            more = weight(length) - 1
            self._weight += more
            self._member.load += more

    def _note_member(self, event: Event) -> None:
        cluster, member = self._service.cluster, self._member
        if cluster is not None and member is not None:
            cluster.note(member, event)

    def _note_refused_write(self) -> None:
        cluster, member = self._service.cluster, self._member
        if cluster is not None and member is not None:
            cluster.refused_write(member)

    def _note_broken(self, why: str) -> None:
        if self._member is not None:
            self._note_member(Broke(why, self._member.served))

    def _goes_elsewhere(self, kind: str, why: str) -> bool:
        """Send the request to another backend, if there is one; ``why`` not to this one is for the log.

        ``kind`` is that in one word: connect, lost, refused, broken.
        """
        cluster, member = self._service.cluster, self._member
        if cluster is None or member is None or self._make is None or self._caller is None or self.progress.body_taken:
            return False
        self._tried.add(member)
        other = cluster.choose(self.need, self._tried)
        if other is None or not cluster.may_try_again():
            return False
        self.transaction.note_retry(kind, member.name, why)
        self._let_go_of_backend()
        outgoing = self.transaction.outgoing
        if outgoing is not None and outgoing.body is not None:
            outgoing.body.drop()
        self._reply, self._lost = Reply(is_1_0=self._is_1_0), None
        progress = self.progress
        progress.link = Link.NONE
        if self._rest is None:
            progress.answer = Answer.NONE
        if progress.upload is Upload.READING:
            progress.upload = Upload.WAITING
        self._use(other)
        self._sign()
        return True

    def _moves(self, why: str) -> bool:
        """Try what may run twice at another backend, once."""
        progress, outgoing = self.progress, self.transaction.outgoing
        if self._was_moved or outgoing is None or progress.answer is not Answer.NONE or progress.body_taken:
            return False
        if self._reply.has_come or not is_repeatable(outgoing.operation, self.transaction.head):
            return False
        self._was_moved = self._goes_elsewhere("lost", why)
        return self._was_moved

    def _is_tried_elsewhere(self) -> bool:
        """Try a request without a body at another backend, once, where this one refuses for the moment."""
        if self._was_moved or self.progress.upload is not Upload.NONE:
            return False
        self._was_moved = self._goes_elsewhere("refused", "503")
        return self._was_moved

    def _continues(self, why: str) -> bool:
        """Ask another backend for the rest of an object of which the client has a part, once."""
        outgoing, begun = self.transaction.outgoing, self._reply
        if self._rest is not None or self.progress.answer is not Answer.BEGUN or outgoing is None or begun.head is None:
            return False
        head, given = self._edited or self.transaction.head, self.transaction.record.bytes_out
        left = rest(head, outgoing.operation, begun.head, given)
        if left is None:
            return False
        asked = left.request(head)

        def make(admitted: Admitted) -> tuple[Outgoing, bytes]:
            current = self._current
            return gateway.forward(admitted, asked, current.config, current.signer, datetime.now(UTC)), b""

        self._make, self._rest, self._begun = make, left, begun
        return self._goes_elsewhere("broken", f"{why} after {given} bytes")

    def _take_rest(self, rest: Rest) -> None:
        """Go on with an answer that another backend has begun, or cut it where this is not its rest."""
        reply, begun, caller = self._reply, self._begun, self._caller
        if reply.head is None or begun is None or not rest.is_in(reply.head):
            self._break_off("another backend does not have the rest of the object")
            return
        reply.goes_on(begun)
        self._begun = None
        if caller is not None and caller.unsent > LARGE and self._backend is not None:
            self._backend.pause_reading()
        self._pass_on(b"")

    def _on_unreachable(self, why: str) -> None:
        """Try another backend: nothing has left."""
        if self._member is None:
            self._fail(why)
            return
        if not _OURS.search(why):
            self._note_member(Unreachable(why))
        if not self._goes_elsewhere("connect", f"not connected: {why}"):
            self._refuse_for_now(f"{self._member.name}: {why}")

    def _refuse_for_now(self, why: str) -> None:
        self.transaction.record.fault = why
        self.refuse(errors.slow_down(), RETRY_AFTER)

    def backend_fell(self, why: str) -> None:
        """Leave a backend that can no longer be given what this request needs, if another may do it."""
        if self._is_over or self._is_waiting:
            return
        if self._fell_at is None:
            self._fell_at = self._now()
        if self._opening is not None:
            self._drop_opening()
            self._guarded(self._on_fallen_unreachable, why)
        elif self.progress.link is Link.UP:
            self._guarded(self._on_fallen, why)

    def _on_fallen(self, why: str) -> None:
        self._moves(why)

    def _drop_opening(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
        self.progress.link = Link.GONE

    def _on_fallen_unreachable(self, why: str) -> None:
        if not self._goes_elsewhere("connect", why):
            self._refuse_for_now(why)

    def _check_fallen(self, now: float) -> None:
        """Wait no longer for a backend that fell: a quick request would hang, and an object has its rest elsewhere."""
        outgoing, progress, caller = self.transaction.outgoing, self.progress, self._caller
        cluster, member = self._service.cluster, self._member
        if self._fell_at is None or cluster is None or member is None or outgoing is None or caller is None:
            return
        if cluster.serves(member, self.need):  # it has come back: what it was given goes on there
            self._fell_at = None
            return
        if now - self._fell_at < _PATIENCE_SECONDS:
            return
        why = f"no answer, and {self._current.config.backend.name} fell"
        if progress.answer is Answer.BEGUN:
            if now - progress.moved >= _PATIENCE_SECONDS and not caller.unsent:
                self._guarded(self._on_stalled, why)
        elif not progress.is_uploading and not self._reply.has_come and outgoing.operation.name not in _SLOW_BY_NATURE:
            self._guarded(self._refuse_for_now, why)

    def _on_stalled(self, why: str) -> None:
        self._continues(why)

    def _sign(self) -> None:
        """Sign the request for the backend that is chosen, and get a connection for it."""
        raise NotImplementedError
