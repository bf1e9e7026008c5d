"""Where the gateway's lines go: the access log to standard output under mitmdump, to the event log elsewhere."""

import logging
import sys

from s3gateway.mitm.flows import Transaction

access = logging.getLogger("s3gateway.access")


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes bare messages to the standard output of the moment, one a line."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(logging.Formatter("%(message)s"))


def install(*, own_output: bool) -> None:
    """Send access lines to standard output; without ``own_output`` they go to mitmproxy's event log as INFO."""
    for handler in list(access.handlers):
        access.removeHandler(handler)
    access.propagate = not own_output
    access.setLevel(logging.INFO)
    if own_output:
        access.addHandler(_Lines())


def write(transaction: Transaction, log_format: str) -> None:
    """Write the request's line, once."""
    if transaction.logged:
        return
    transaction.logged = True
    record = transaction.record
    as_text = log_format == "text" or (log_format == "auto" and sys.stdout.isatty())
    access.info("%s", record.to_text() if as_text else record.to_json())
