"""What an exchange tells the browser of a page of another origin; and preflights, which the gateway answers itself."""

from collections.abc import Awaitable, Callable
from typing import Final

from s3gateway import errors, gateway
from s3gateway.config.model import BucketsOwn
from s3gateway.http1.head import check_host
from s3gateway.rules import cors
from s3gateway.wire.bucket_cors import CHANGES
from s3gateway.wire.posting import Posting
from s3gateway.wire.refusal import empty

PREFLIGHT: Final = "Preflight"
"""What the log calls the operation; it is none of S3's."""

_SOME: Final = (cors.CorsRule((), ()),)
"""Rules that match no page, in place of a bucket's own where these need not be known: no page's origin was sent."""


class CrossOrigin(Posting):
    """Knows which page asks, and what rules say of it."""

    _page: cors.Page | None = None

    def _admit_preflight(self) -> None:
        """Read an OPTIONS request. Raises :class:`~s3gateway.errors.S3Error`."""
        transaction, config = self.transaction, self._current.config
        record = transaction.record
        record.operation = PREFLIGHT
        check_host(transaction.head)
        page = self._page = gateway.preflight(transaction.head, config)
        record.bucket, record.key = page.bucket, page.key
        record.client, _ = gateway.guess(transaction.head, config)

    def _decide_for_page(self, then: Callable[[], None]) -> None:
        """Find out what rules say of the page, then go on; a bucket's own rules may have to be asked for."""
        config = self._current.config
        if self._page is None and config.cors is not None:
            self._page = gateway.page(self.transaction.head, config)
        page = self._page
        if page is None:
            then()
        elif (rules := self._rules_for(page)) is None:
            self._after(self._learn(page), then)
        else:
            self._apply(page, rules)
            then()

    def _rules_for(self, page: cors.Page) -> tuple[cors.CorsRule, ...] | None:
        """Give the rules of the page's bucket; None where they must be asked for."""
        config = self._current.config
        if not isinstance(config.cors, BucketsOwn):
            return cors.rules_of(config.cors or (), page.bucket)
        if not page.bucket or self._service.is_closed:
            return ()
        if not page.origin:
            return _SOME
        return self._service.bucket_cors.known(self._current, page.bucket)

    async def _learn(self, page: cors.Page) -> None:
        """Ask for the bucket's own rules; without them a preflight is refused, and no page reads another answer."""
        service, current = self._service, self._current
        try:
            rules = await service.bucket_cors.learn(current, page.bucket, *service.anyone(current))
        except errors.S3Error as error:
            if self._asks_only:
                self.transaction.refusal = error.detached()
            else:
                self.transaction.for_page = ()
        else:
            self._apply(page, rules)

    def _apply(self, page: cors.Page, rules: tuple[cors.CorsRule, ...]) -> None:
        transaction = self.transaction
        if not self._asks_only:
            transaction.for_page = cors.answer_fields(page, rules)
            return
        try:
            transaction.for_page = cors.preflight_fields(page, rules)
            transaction.is_preflight = True
        except errors.S3Error as error:
            transaction.refusal = error.detached()

    def _answer_preflight(self) -> None:
        self._drop_upload()
        transaction = self.transaction
        closes = transaction.arrival.has_body or self._closes_client
        answer = empty(transaction.record, *(transaction.for_page or ()), closes=closes)
        self._answer_for_itself(answer, b"", keeps=not closes)

    @property
    def _asks_only(self) -> bool:
        return self.transaction.head.method == b"OPTIONS"

    def _close_books(self, status: int, *, failed: str = "") -> Awaitable[None] | None:
        """Forget a bucket's rules before anybody hears that they have changed."""
        outgoing = self.transaction.outgoing
        if outgoing is not None and outgoing.operation.name in CHANGES:
            self._service.bucket_cors.forget(outgoing.operation.bucket)
        return super()._close_books(status, failed=failed)
