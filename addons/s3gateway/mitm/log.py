"""Where the gateway's lines go: the access log to standard output under mitmdump, to the event log elsewhere."""

import logging
import re
import sys

from s3gateway.mitm.flows import Transaction

access = logging.getLogger("s3gateway.access")

_WIRE_BYTES = re.compile(r"""\bb(['"]).*""", re.DOTALL)


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """Writes bare messages to the standard output of the moment, one a line."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(logging.Formatter("%(message)s"))


class WithoutWireBytes(logging.Filter):
    """Cuts bytes as they were on the wire out of mitmproxy's messages: a half-sent head may hold a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place."""
        record.msg, record.args = _WIRE_BYTES.sub("<bytes>", record.getMessage()), ()
        return True


def install(*, own_output: bool) -> None:
    """Send access lines to standard output; without ``own_output`` they go to mitmproxy's event log as INFO."""
    for handler in list(access.handlers):
        access.removeHandler(handler)
    access.propagate = not own_output
    access.setLevel(logging.INFO)
    if own_output:
        access.addHandler(_Lines())
    proxy = logging.getLogger("mitmproxy.proxy.server")
    if not any(isinstance(known, WithoutWireBytes) for known in proxy.filters):
        proxy.addFilter(WithoutWireBytes())


def write(transaction: Transaction, log_format: str) -> None:
    """Write the request's line, once."""
    if transaction.logged:
        return
    transaction.logged = True
    record = transaction.record
    as_text = log_format == "text" or (log_format == "auto" and sys.stdout.isatty())
    access.info("%s", record.to_text() if as_text else record.to_json())
