"""Where people watch: which exchanges get a flow, and what mitmproxy's options say about it.

Under mitmweb and the console everything is watched. Under mitmdump it is where flows are written or printed, where
another script listens to HTTP hooks, where an option of mitmproxy's own addons acts in such hooks (``block_list``), or
where ``s3_flows`` says ``always``.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client
from mitmproxy.flow import Flow
from mitmproxy.hooks import UpdateHook
from mitmproxy.optmanager import OptManager
from mitmproxy.utils import human

from s3gateway.mitm.recorder import dump_line, exchange
from s3gateway.mitm.start.options import ACTING
from s3gateway.mitm.watched import listing
from s3gateway.mitm.watched.flow_watch import FlowWatch
from s3gateway.mitm.watched.flows import redact
from s3gateway.observed.capture import METADATA_KEY
from s3gateway.observed.transaction import Transaction
from s3gateway.wire.client import ClientConnection
from s3gateway.wire.service import Current
from s3gateway.wire.watching import Watch

FLOWS_OPTION: Final = "s3_flows"
BUFFER_OPTION: Final = "s3_buffer_bodies"
_WHEN: Final = ("watched", "always")
_BUFFER_HELP: Final = (
    "For debugging: hold request bodies up to this size (64k, 1m), so that an intercepted one can be edited. "
    "It is verified first, and signed anew when it is resumed. Larger ones stream as always. Empty is off."
)
_SHOWN_BY: Final = ("save_stream_file", "hardump", "flow_detail", "client_replay")
"""mitmdump's options by which somebody sees flows."""

OPTIONS: Final = frozenset((FLOWS_OPTION, BUFFER_OPTION, "stream_large_bodies", *_SHOWN_BY, *ACTING))
"""Options that :meth:`Desk.configure` reads."""

_LOOK_SECONDS: Final = 1.0
"""How often all addons are asked again whether they listen: a script may be loaded anew at any time."""

_HOOKS: Final = ("requestheaders", "request", "responseheaders", "response", "error")
_MITMPROXYS: Final = ("mitmproxy.", "s3gateway.", "s3_gateway")
"""Where the addons come from that watch nothing by themselves under mitmdump."""


def add_options(loader: Loader) -> None:
    """Register the options."""
    loader.add_option(BUFFER_OPTION, str, "", _BUFFER_HELP)
    loader.add_option(
        FLOWS_OPTION,
        str,
        "watched",
        "When requests get a mitmproxy flow and its hooks: where somebody watches (mitmweb, -w, another script), "
        "or always. A flow costs as much as the rest of a small request.",
        choices=_WHEN,
    )


class Desk:
    """Makes flows for whoever watches. ``current`` gives the configuration in force."""

    def __init__(self, current: Callable[[], Current]) -> None:
        self._current = current
        self._is_interactive = self._is_shown = self._is_asked_for = False
        self._hold_up_to = 0
        self._chain = 0
        self._looked = 0.0
        self._has_listeners = False
        self._flows: WeakKeyDictionary[http.HTTPFlow, Transaction] = WeakKeyDictionary()
        self._ended: WeakSet[http.HTTPFlow] = WeakSet()
        self._explained: WeakValueDictionary[str, http.HTTPFlow] = WeakValueDictionary()
        self._listed: WeakKeyDictionary[http.HTTPFlow, tuple[str, str]] = WeakKeyDictionary()

    def configure(self, options: OptManager) -> None:
        """Read the options. Raises mitmproxy's ``OptionsError``."""
        self._hold_up_to = _limit(options)
        self._is_shown = _any_set(options, _SHOWN_BY)
        self._is_asked_for = options.s3_flows == "always" or _any_set(options, ACTING)

    def start(self, *, under_mitmdump: bool) -> None:
        """Find out who may look."""
        self._is_interactive = not under_mitmdump

    @property
    def is_watched(self) -> bool:
        """Whether a request that comes now gets a flow."""
        if self._is_interactive or self._is_shown or self._is_asked_for:
            return True
        chain, now = ctx.master.addons.chain, time.monotonic()
        if len(chain) != self._chain or now - self._looked >= _LOOK_SECONDS:
            self._chain, self._looked = len(chain), now
            self._has_listeners = any(map(_listens, _all_addons(chain)))
        return self._has_listeners

    @property
    def keeps_exchanges(self) -> bool:
        """Whether somebody sees what is put on flows: not a script that only listens."""
        return self._is_interactive or self._is_shown

    @property
    def writes_flows(self) -> bool:
        """Whether flows go to a file as soon as they have ended: what is not on them then, is not in it."""
        return self.keeps_exchanges and not self._is_interactive

    def watch(self, transaction: Transaction, client: object) -> Watch | None:
        """Give whoever watches this exchange of ``client``."""
        if isinstance(client, ClientConnection) and client.peer is None:  # the gateway's own canary
            return None
        replayed = getattr(client, "replayed", None)
        if replayed is None and not self.is_watched:
            return None
        backend = self._current().config.backend
        if replayed is not None:
            watch = FlowWatch(self, transaction, replayed, most=None)
        else:
            assert isinstance(client, ClientConnection)  # noqa: S101 - there is no other kind
            assert isinstance(client.peer, Client)  # noqa: S101 - the door gave it
            watch = FlowWatch.of_client(self, transaction, client.peer, backend, most=self._hold_up_to)
        self._flows[watch.flow] = transaction
        self._ended.discard(watch.flow)  # a flow may be replayed more than once
        return watch

    def show(self, flow: http.HTTPFlow, transaction: Transaction) -> None:
        """Let whoever looks at a running flow see how far it has come."""
        if self._is_interactive:
            self.put(flow, transaction)

    def put(self, flow: http.HTTPFlow, transaction: Transaction) -> None:
        """Put the exchange as it stands on the flow, if anybody can see flows."""
        if not self.keeps_exchanges or not (line := dump_line(transaction)):
            return
        flow.metadata[METADATA_KEY] = line
        if self._is_interactive:
            self._listed[flow] = listing.tell(flow, exchange(transaction), self._listed.get(flow, ("", "")))

    def ended(self, flow: http.HTTPFlow, transaction: Transaction) -> None:
        """Put the exchange at its end on the flow, and take what is secret off it."""
        redact(flow)
        self._ended.add(flow)
        self.put(flow, transaction)
        self._explained[transaction.record.request_id] = flow

    async def explained(self, transaction: Transaction) -> None:
        """Show an explanation that has come."""
        flow = self._explained.get(transaction.record.request_id)
        if flow is not None:
            self.put(flow, transaction)
            await ctx.master.addons.trigger_event(UpdateHook([flow]))

    def stop(self) -> None:
        """What is still under way must not leave secrets in a flow file."""
        for flow, transaction in tuple(self._flows.items()):
            if flow not in self._ended:
                redact(flow)
                self.put(flow, transaction)

    def redacted(self, flow: Flow) -> Flow:
        """Give what may be written of a flow now: a redacted copy of one that has not come to its end."""
        if not isinstance(flow, http.HTTPFlow):
            return flow
        if flow in self._ended or not (flow in self._flows or flow.live):
            return flow  # it has been redacted at its end, or was read from a file
        copy: http.HTTPFlow = flow.copy()
        copy.id = flow.id
        redact(copy)
        return copy


def _any_set(options: OptManager, names: Iterable[str]) -> bool:
    return any(getattr(options, name, None) for name in names)  # not every program has each


def _listens(addon: object) -> bool:
    module = getattr(addon, "__name__", "") or type(addon).__module__
    return not module.startswith(_MITMPROXYS) and any(hasattr(addon, hook) for hook in _HOOKS)


def _all_addons(addons: Iterable[object]) -> Iterable[object]:
    for addon in addons:
        yield addon
        yield from _all_addons(getattr(addon, "addons", ()))


def _limit(options: OptManager) -> int:
    """Read the largest size of a body that is held, in bytes; 0 is none."""
    wanted = getattr(options, BUFFER_OPTION)
    try:
        size = human.parse_size(wanted or "0")
        streamed = human.parse_size(options.stream_large_bodies)
    except ValueError:
        size = streamed = -1
    if size is None or size < 0:
        raise exceptions.OptionsError(f"{BUFFER_OPTION}: {wanted!r} is no size such as 65536, 64k or 1m")
    return size if streamed is None else min(size, streamed)
