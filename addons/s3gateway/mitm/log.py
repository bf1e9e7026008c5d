"""Where the gateway's lines go: the access log to standard output under mitmdump, to the event log elsewhere."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable

from mitmproxy.addons.termlog import TermLogHandler
from mitmproxy.utils import human

from s3gateway.mitm import internals
from s3gateway.mitm.output import Output
from s3gateway.observed.log_line import Explained, Record, rfc3339
from s3gateway.observed.transaction import Transaction

logger = logging.getLogger(__name__)

_BATCH_SECONDS = 0.02
"""How long a line waits for others: a write to a pipe costs as much as making the line."""

_PROXYS_CERTIFICATE = re.compile(r"the proxy's certificate(?: for \S+)?( \([^)]*\))?")
"""mitmproxy names the backend's address with it, which the client knows nothing of."""

_OURS = (
    r"the gateway's certificate\1; it needs the CA that signed `listen.certificate` "
    "(without that key: mitmproxy's own, mitmproxy-ca-cert.pem in the confdir)"
)
_WIRE_BYTES = re.compile(r"""\bb(['"]).*""", re.DOTALL)


class ProxyLogFilter(logging.Filter):
    """Says mitmproxy's messages in the gateway's words, without bytes of the wire: half a head may hold a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place."""
        message = _PROXYS_CERTIFICATE.sub(_OURS, record.getMessage())
        record.msg, record.args = _WIRE_BYTES.sub("<bytes>", message), ()
        return True


class EventFormatter(logging.Formatter):
    """mitmdump's own lines and the gateway's events: as JSON where ``log.format`` is ``json``, else as ``inner`` does.

    ``auto`` leaves them to people; a collector that takes nothing but JSON has to be asked for. Each begins with
    ``begin``.
    """

    def __init__(self, inner: logging.Formatter, log_format: Callable[[], str], begin: str = "") -> None:
        super().__init__()
        self._inner = inner
        self._begin = begin
        self._log_format = log_format

    def format(self, record: logging.LogRecord) -> str:
        """Give one line: an object with ``time`` (RFC 3339), ``level``, ``event`` and, if known, ``address``."""
        if self._begin:
            record = logging.makeLogRecord(record.__dict__ | {"msg": self._begin + record.getMessage(), "args": ()})
        if self._log_format() != "json":
            return self._inner.format(record)
        event = record.getMessage() + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")
        told = {"time": rfc3339(record.created), "level": record.levelname.lower(), "event": event}
        client = getattr(record, "client", None)
        return json.dumps(told | ({"address": human.format_address(client)} if client else {}))


def take_over(handler: TermLogHandler, log_format: Callable[[], str], worker: int | None = None) -> "AccessLog":
    """Put :class:`EventFormatter` and :class:`~s3gateway.mitm.output.Output` on mitmdump's handler, once.

    ``worker`` is the number of this process among several, which events begin with. Gives the access log that writes to
    the same place.
    """
    inner = handler.formatter
    if inner is not None and not isinstance(inner, EventFormatter):
        handler.setFormatter(EventFormatter(inner, log_format, "" if worker is None else f"worker {worker}: "))
    return AccessLog(internals.write_log_with(handler, Output, Output))


class AccessLog:
    """Writes a line for each request; with ``output`` to that, past ``logging`` (half the CPU), some at a time."""

    def __init__(self, output: Output | None = None) -> None:
        self._output = output
        self._lines: list[str] = []

    def write(self, record: Record, log_format: str) -> None:
        """Write the line soon; elsewhere than under mitmdump it goes to mitmproxy's event log."""
        self._write(record, log_format)

    def add(self, line: str) -> None:
        """Write a line of another log, with its end, among these."""
        if self._output is None:
            logger.info("%s", line.rstrip("\n"))
        else:
            self._add(line)

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines and self._output:
            self._output.write("".join(lines))

    def explain(self, transaction: Transaction, dropped: int, log_format: str) -> None:
        """Write the line that says why a request was refused."""
        record, why = transaction.record, transaction.explanation
        if why:
            told = (why.cause, why.sentence, dropped, why.certainty)
            line = Explained(record.time, record.request_id, record.client, *told)
            self._write(line, log_format)

    def _write(self, record: Record | Explained, log_format: str) -> None:
        as_text = log_format == "text" or (log_format == "auto" and sys.stdout.isatty())
        line = record.to_text() if as_text else record.to_json()
        if self._output is None:
            logger.info("%s", line)
            return
        self._add(line + "\n")

    def _add(self, line: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(_BATCH_SECONDS, self.flush)
        self._lines.append(line)


def guard_proxy_log(*, quiet: bool) -> None:
    """Put :class:`ProxyLogFilter` on mitmproxy's connection log, once.

    ``quiet`` drops what nobody would see, a line or two a request, before it costs anything.
    """
    proxy = logging.getLogger("mitmproxy.proxy.server")
    proxy.setLevel(logging.WARNING if quiet else logging.NOTSET)
    if not any(isinstance(known, ProxyLogFilter) for known in proxy.filters):
        proxy.addFilter(ProxyLogFilter())
