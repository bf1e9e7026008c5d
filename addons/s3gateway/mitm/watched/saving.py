"""Flow files: what mitmproxy writes of a request that is still under way keeps no secret either.

Until its end a flow holds what the wire needs: the signatures of both sides, keys of SSE-C. The commands of mitmweb and
of the console save whatever is in their list, and what they save is attached to bug reports.
"""

from collections.abc import Callable
from typing import Any, Final

from mitmproxy import flow, http, io

from s3gateway.mitm.flows import Transactions, redact

_ADD: Final[dict[Any, Callable[[Any, flow.Flow], None]]] = {
    writer: writer.add for writer in (io.FlowWriter, io.FilteredFlowWriter)
}


def redact_written(transactions: Transactions) -> None:
    """Make mitmproxy's writers write a redacted copy of each flow that has not come to its end.

    Whether it still writes with these, ``tests/mitm/test_intercept.py`` tells.
    """
    for writer, add in _ADD.items():
        writer.add = _redacting(add, transactions)


def _redacting(add: Callable[[Any, flow.Flow], None], transactions: Transactions) -> Callable[[Any, flow.Flow], None]:
    def redact_and_add(self: Any, f: flow.Flow) -> None:
        add(self, _redacted(f, transactions) if isinstance(f, http.HTTPFlow) else f)

    return redact_and_add


def _redacted(flow: http.HTTPFlow, transactions: Transactions) -> http.HTTPFlow:
    transaction = transactions.get(flow)
    if transaction.logged if transaction else not flow.live:
        return flow  # it has been redacted at its end, or was read from a file
    copy: http.HTTPFlow = flow.copy()
    copy.id = flow.id
    redact(copy)
    return copy
