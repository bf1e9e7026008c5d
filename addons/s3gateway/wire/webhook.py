"""Posts audit lines to a webhook, in a thread of its own: several in one request, each a JSON object on a line.

One that hangs or is away makes lines wait, up to ``audit.webhook.queue`` of them; what comes on top is lost and
counted. Nothing else waits for it.
"""

import asyncio
import logging
import ssl
import threading
import time
from collections import deque
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final

from s3gateway.config.model import in_url
from s3gateway.config.observing import Webhook

logger = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 500
_BATCH_SECONDS: Final = 0.1
_LONGEST_REST: Final = 30.0
_MOST_ANSWER: Final = 64 * 1024
_OK: Final = range(200, 300)
_OF_THE_LINES: Final = frozenset((400, 413, 415, 422))
"""What is wrong with what was posted: the same again would be refused again, so these lines are lost."""


class Poster:
    """``lost`` counts the lines that were. Made on the event loop, which it logs by."""

    def __init__(self, webhook: Webhook) -> None:
        self.lost = 0
        self._webhook = webhook
        self._waiting: deque[str] = deque()
        self._condition = threading.Condition()
        self._is_closing = False
        self._gives_up_at: float | None = None
        self._problem = ""
        self._connection: HTTPConnection | None = None
        self._was_kept = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="s3gateway audit webhook", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line, or lose it where too many wait."""
        with self._condition:
            if len(self._waiting) >= self._webhook.queue:
                self.lost += 1
                return
            self._waiting.append(line)
            if len(self._waiting) == 1:
                self._condition.notify()

    def close(self, wait: float) -> None:
        """Post what waits, for ``wait`` seconds; with 0 it is posted in the background, for one request's time."""
        with self._condition:
            self._is_closing = True
            self._gives_up_at = time.monotonic() + (wait or self._webhook.timeout)
            self._condition.notify()
        if wait:
            self._thread.join(wait)
            with self._condition:
                self.lost += len(self._waiting)
                left = len(self._waiting)
                self._waiting.clear()
            if left:
                logger.error("audit.webhook: %d lines were not posted before the end", left)

    def _run(self) -> None:
        rest = 0.0
        while batch := self._next(rest):
            rest = self._post(batch, rest)
        if self._connection is not None:
            self._connection.close()

    def _next(self, rest: float) -> list[str]:
        """Wait for lines, and for more of them; after a failure for ``rest`` seconds. None at the end."""
        with self._condition:
            if rest:
                self._condition.wait_for(lambda: self._is_closing, rest)
            self._condition.wait_for(lambda: self._waiting or self._is_closing)
            is_over = self._gives_up_at is not None and time.monotonic() >= self._gives_up_at
            if is_over or (self._is_closing and rest):
                return []
        if not self._is_closing:
            time.sleep(_BATCH_SECONDS)
        with self._condition:
            return [self._waiting[i] for i in range(min(len(self._waiting), _MOST_AT_ONCE))]

    def _post(self, batch: list[str], rest: float) -> float:
        """Post them; give the seconds to rest before the next request, which is the same where this one failed."""
        status, problem = self._ask("".join(batch).encode("ascii"))
        if status in _OK or status in _OF_THE_LINES:
            with self._condition:
                for _ in range(min(len(batch), len(self._waiting))):
                    self._waiting.popleft()
                if status in _OF_THE_LINES:
                    self.lost += len(batch)
        self._report(problem)
        return 0.0 if status in _OK or status in _OF_THE_LINES else min(max(1.0, 2 * rest), _LONGEST_REST)

    def _ask(self, body: bytes) -> tuple[int, str]:
        """Give the status of one request, 0 where none came, and what is wrong."""
        webhook = self._webhook
        headers = {"Content-Type": "application/x-ndjson", "User-Agent": "s3-gateway"}
        if webhook.authorization is not None:
            headers["Authorization"] = webhook.authorization.reveal().decode()
        try:
            try:
                answer = self._request(body, headers)
            except (ConnectionError, HTTPException):  # RemoteDisconnected is both
                if not self._was_kept:
                    raise
                self._drop()
                answer = self._request(body, headers)
            answer.read(_MOST_ANSWER)
            if answer.will_close or not answer.isclosed():
                self._drop()
        except TimeoutError:
            self._drop()
            return 0, f"did not answer within {webhook.timeout:g} s"
        except (OSError, HTTPException) as error:
            self._drop()
            return 0, getattr(error, "strerror", None) or str(error) or type(error).__name__
        if answer.status in _OK:
            return answer.status, ""
        lost = f", and {body.count(b'\n')} lines are lost" if answer.status in _OF_THE_LINES else ""
        return answer.status, f"answered {answer.status}{lost}"

    def _request(self, body: bytes, headers: dict[str, str]) -> HTTPResponse:
        """Post over the connection that was kept, or a new one. A kept one may have ended meanwhile."""
        self._was_kept = self._connection is not None
        connection = self._connection = self._connection or self._connect()
        connection.request("POST", self._webhook.target, body, headers)
        return connection.getresponse()

    def _connect(self) -> HTTPConnection:
        webhook = self._webhook
        if webhook.scheme == "http":
            return HTTPConnection(webhook.host, webhook.port, timeout=webhook.timeout)
        context = ssl.create_default_context(cafile=webhook.ca_file)
        return HTTPSConnection(webhook.host, webhook.port, timeout=webhook.timeout, context=context)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _report(self, problem: str) -> None:
        """Say that it fails, once, and that it no longer does."""
        if bool(problem) == bool(self._problem):
            return
        self._problem = problem
        where = f"{self._webhook.scheme}://{in_url(self._webhook.host)}:{self._webhook.port}"
        if problem:
            told = f"audit.webhook: {where} {problem}; up to {self._webhook.queue} lines wait for it"
            level = logging.ERROR
        else:
            told = f"audit.webhook: {where} takes lines again" + (f"; {self.lost} were lost" if self.lost else "")
            level = logging.WARNING
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(logger.log, level, "%s", told)
