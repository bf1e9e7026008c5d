"""What several lines, or several logs, tell of one request is one :class:`~s3gateway.reading.draft.Draft`.

A canonical request joins the head that was sent after it, the wire log the header log of the same connection, an error
document the request that it answers.
"""

from collections.abc import Hashable

from s3gateway.reading import answers, canonical
from s3gateway.reading.draft import ANNOUNCED, SENT, SIGNED, Draft, found
from s3gateway.reading.model import Found

_RECENT, _KEPT = 64, 512
"""Drafts that may still be added to; and how many are held at most."""

_FAR = 2000
"""Lines within which an error document belongs to the request before it."""


class Joined:
    """The drafts of a text in its order. ``current`` is the one that was spoken of last."""

    def __init__(self) -> None:
        self.current: Draft | None = None
        self._drafts: list[Draft] = []
        self._logs: dict[int, set[Hashable]] = {}
        self._count = 0

    def settled(self) -> list[Found]:
        """Give requests so old that nothing will be added to them."""
        return self._give(len(self._drafts) - _RECENT) if len(self._drafts) > _KEPT else []

    def finish(self) -> list[Found]:
        """Give the rest."""
        return self._give(len(self._drafts))

    def add(self, draft: Draft | None) -> None:
        """Add what is a request by itself."""
        if draft is not None:
            self._drafts.append(draft)
            self.current = draft

    def send(self, draft: Draft) -> Draft:
        """Add a head that was sent; what was signed or announced for it joins it."""
        before = max(self._recent(), key=lambda each: _likeness(each, draft), default=None)
        if before is not None and _likeness(before, draft):
            self._drafts.remove(before)
            draft.client_request, draft.client_to_sign = before.client_request, before.client_to_sign
            draft.tls = draft.tls or before.tls
            draft.status = draft.status or before.status
        self.add(draft)
        return draft

    def send_twice(self, draft: Draft, log: Hashable) -> Draft:
        """Add a head that two logs of one client may both have; give the one that is there already.

        ``log`` names the one that has it: what the same log has twice was sent twice.
        """
        signature = draft.sent_signature
        for prior in reversed(self._recent()):
            logs = self._logs.get(id(prior), {log})
            if signature and log not in logs and (prior.sent_signature, prior.target) == (signature, draft.target):
                logs.add(log)
                prior.fields = max(prior.fields, draft.fields, key=len)
                prior.complete = prior.complete or draft.complete
                return prior
        self.send(draft)
        self._logs = {key: self._logs[key] for each in self._recent() if (key := id(each)) in self._logs}
        self._logs[id(draft)] = {log}
        return draft

    def signed(self, kind: str, text: bytes, form: str, line: int) -> None:
        """What a client logs of its signature: see :class:`~s3gateway.reading.canonical.Signing`."""
        latest = next((each for each in reversed(self._recent()) if each.grade == SIGNED), None)
        if kind == "request":
            self._signed_request(canonical.draft_of(text, form, line))
        elif latest is not None and kind == "to-sign" and not latest.client_to_sign:
            latest.client_to_sign = text
        elif latest is not None and kind == "signature" and not latest.signature:
            latest.signature = text.strip()

    def _signed_request(self, draft: Draft | None) -> None:
        if draft is None:
            return
        told = next((each for each in self._recent()[-8:] if _announces(each, draft)), None)
        if told is not None:
            self._drafts.remove(told)
            draft.tls, draft.line = told.tls, told.line
        self.add(draft)

    def answered(self, method: bytes, target: bytes, status: int) -> None:
        """A log's word on the answer to a request, which it names."""
        for draft in reversed(self._recent()):
            if (draft.method, draft.target) == (method, target) and not draft.status:
                draft.status, self.current = status, draft
                return

    def refused(self, status: int, code: str) -> None:
        """Java's word on an answer: of the last request, whose wire log may have said so before."""
        for draft in reversed(self._recent()):
            if draft.format.startswith(("java", "httpclient")):
                draft.status = draft.status or status
                draft.code = draft.code or (code if draft.status == status else "")
                return

    def error(self, document: bytes, line: int) -> None:
        """Put an error document to its request: by the signature in it, else to the one that was spoken of last."""
        owner = self._owner(answers.signature_of(document), line)
        if owner is None or owner.answer not in (b"", document):
            self.add(answers.alone(document, line))
        elif owner in self._drafts:
            answers.attach(owner, document)
        else:  # an answer without a request: the document may hold what is known of that
            owner.answer = document
            draft = answers.alone(document, owner.line)
            draft.status, draft.answer_fields = owner.status, owner.answer_fields
            self.add(draft)

    def _owner(self, logged: bytes, line: int) -> Draft | None:
        for draft in reversed(self._recent()):
            if logged and draft.sent_signature == logged:
                return draft
        current = self.current
        if current is None or (logged and current.sent_signature) or line - current.line > _FAR:
            return None
        return current

    def _recent(self) -> list[Draft]:
        return self._drafts[-_RECENT:]

    def _give(self, count: int) -> list[Found]:
        given, self._drafts = self._drafts[:count], self._drafts[count:]
        settled = [draft.ready or found(draft, self._count + i) for i, draft in enumerate(given, 1)]
        self._count += len(settled)
        return settled


def _announces(told: Draft, draft: Draft) -> bool:
    """Whether an SDK for Java has announced what was signed then."""
    if told.grade != ANNOUNCED or not told.format.startswith("java"):
        return False
    return (told.method, _path(told)) == (draft.method, _path(draft))


def _likeness(before: Draft, sent: Draft) -> int:
    """How much what was signed, or announced, is like this head: 0 if it is not for it."""
    if before.grade == SENT or before.method != sent.method or before.format in {"access-log", "error"}:
        return 0
    if before.grade == ANNOUNCED:
        return int(_path(before) == _path(sent))
    logged, on_wire = before.signature, sent.sent_signature
    if logged and on_wire:
        return 1000 if logged == on_wire else 0
    parts = canonical.read(before.client_request)
    if parts is None or (sent.signed_headers and parts.signed != sent.signed_headers):
        return 0
    same = [name for name, value in parts.fields if sent.values(name) == [value]]
    dates = before.client_to_sign.split(b"\n")[1:2]
    dated = b"x-amz-date" in same or any(date and date in sent.target for date in dates)
    return 2 + len(same) if dated else 0


def _path(draft: Draft) -> bytes:
    return draft.target.partition(b"?")[0]
