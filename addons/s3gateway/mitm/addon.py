"""The addon: hooks of a few lines between mitmproxy and :mod:`s3gateway.gateway`.

Two addons, one at each end of mitmproxy's chain. :class:`S3Gateway` is where the script is: it verifies what came in,
before other addons see it. :class:`~s3gateway.mitm.outbound.Outbound` is added last: it signs what goes out, after
other addons and an operator have edited it, and refuses whatever was not admitted. Whom connections may be made with is
:class:`~s3gateway.mitm.start.peers.Peers`'s, which comes along with the first.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable
from datetime import UTC, datetime

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import ConnectionState
from mitmproxy.hooks import UpdateHook

from s3gateway import errors, gateway
from s3gateway.code_location import code_location
from s3gateway.config import aistor_gw
from s3gateway.config.check import ConfigError
from s3gateway.config.model import Config
from s3gateway.explain.unreachable import remedy
from s3gateway.mitm import dispatch, flows, framing, log, outbound, termination, watch
from s3gateway.mitm.answer import finish_held_answer, prepare_answer, refuses_early
from s3gateway.mitm.explaining import Explainer, patiently
from s3gateway.mitm.recorder import Recorder
from s3gateway.mitm.refusal import answer_to, describe, refuse, refuse_answer, refuse_held_answer
from s3gateway.mitm.start import idle_addons, listeners, loading, options, peers
from s3gateway.mitm.start.live import Live
from s3gateway.mitm.watched import commands, contentview, holding, listing, saving
from s3gateway.mitm.watched.replay import is_replayed, is_whole, restore
from s3gateway.rules.rate import Rates
from s3gateway.signer import CredentialsError

logger = logging.getLogger(__name__)


class S3Gateway:
    """Options, inbound verification and responses."""

    def __init__(self) -> None:
        self.transactions = flows.Transactions()
        self.rates = Rates()
        self.live: Live | None = None
        self.recorder = Recorder()
        self.explainer = Explainer(self._on_explained)
        self._log = self._mitmdumps_log = log.AccessLog()
        self._hold_up_to = 0
        self._watcher: asyncio.Task[None] | None = None
        self._held: list[http.HTTPFlow] = []
        self.addons = [peers.Peers(lambda: self.live)]

    def load(self, loader: Loader) -> None:
        """Register the options."""
        framing.discard_trailers()
        framing.pass_over_interim_answers()
        loader.add_option("s3_config", str, "", "The S3 gateway's configuration file (YAML). See the README.")
        loader.add_option(holding.OPTION, str, "", holding.HELP)

    def configure(self, updated: set[str]) -> None:
        """Load the configuration and set mitmproxy's options from it; whatever fails, nothing must listen."""
        try:
            self._configure(updated)
        except (ConfigError, CredentialsError, exceptions.OptionsError) as error:
            loading.refuse(loading.told(error))
        except Exception as error:  # noqa: BLE001 - mitmproxy would go on without the gateway, as an open proxy
            loading.refuse(f"the configuration cannot be used: {code_location(error)}")

    def _configure(self, updated: set[str]) -> None:
        if updated & holding.OPTIONS:
            self._hold_up_to = holding.limit(ctx.options)
        if "s3_config" not in updated:
            return
        if self.live is not None:
            raise exceptions.OptionsError("s3_config cannot change while running; change the file itself")
        said = options.command_line(ctx.options)
        live = Live(lambda: loading.load(said), loading.told)
        wants = options.wanted(live.current.config, verbose=aistor_gw.is_verbose(os.environ))
        options.check_command_line(ctx.options, said, live.current.config, wants)
        listeners.check_address(live.current.config.listen)
        listeners.check_confdir()
        self.live = live
        if (termlog := ctx.master.addons.get("termlog")) is not None:
            self._mitmdumps_log = log.take_over(termlog.logger, lambda: self._log_format)
        options.apply(ctx.options, wants)
        listeners.open_listeners_later(loading.announcement(live.current.config))
        self._held = listeners.hold_replays()

    def running(self) -> None:
        """Put :class:`~s3gateway.mitm.outbound.Outbound` at the end of the chain and start watching the files."""
        if self.live is None:
            return
        for name in (outbound.NAME, watch.NAME):
            if (old := ctx.master.addons.get(name)) is not None:
                ctx.master.addons.remove(old)
        ctx.master.addons.add(
            outbound.Outbound(self.live, self.transactions, self.recorder), watch.Watch(self.live, self.transactions)
        )
        saving.redact_written(self.transactions)
        under_mitmdump = ctx.master.addons.get("dumper") is not None
        if under_mitmdump:
            idle_addons.dismiss_idle_addons()
            dispatch.ask_only_listeners(ctx.master.addons)
        else:
            contentview.register()
            listing.redact_copies()
            commands.offer(self.live)
            loading.tell_web_address()
        self.recorder.start(self.live.current.config.log_capture, under_mitmdump=under_mitmdump)
        self._log = self._mitmdumps_log if under_mitmdump else log.AccessLog()
        log.guard_proxy_log(quiet=under_mitmdump and ctx.options.termlog_verbosity in {"error", "warn"})
        listeners.release_replays(self._held)
        self._watcher = asyncio.create_task(self.live.watch(self._on_change), name="s3gateway watcher")

    def done(self) -> None:
        """Stop watching; what is still running must not leave secrets in a flow file."""
        if self._watcher:
            self._watcher.cancel()
        for flow in self.transactions.flows():
            flows.redact(flow)
            transaction = self.transactions.get(flow)
            if transaction and not transaction.logged:
                self.recorder.put(flow, transaction)
        for flow, transaction in self.explainer.stop():
            self.recorder.explained(flow, transaction)
        self.recorder.stop()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Verify. Without a verdict there is no ``admitted``, and :class:`Outbound` refuses."""
        if self.live is None or not flow.live:  # mitmproxy calls the hooks for flows that it reads from a file, too
            return
        try:
            transaction = self.transactions.open(flow)
        except Exception as error:  # noqa: BLE001 - fail closed: Outbound refuses what has no transaction
            logger.error("request not understood: %s", code_location(error))  # noqa: TRY400
            return
        self._admit(flow, transaction)
        transaction.mark("verified")
        self.recorder.show(flow, transaction)

    def _admit(self, flow: http.HTTPFlow, transaction: flows.Transaction) -> None:
        if self.live is None:
            return
        current, now = self.live.current.config, datetime.now(UTC)
        try:
            if is_replayed(flow):
                _check_outbound()
                restore(flow, transaction, current, now)
            framing.check_head(flow.request)
            admitted = gateway.admit(transaction.head, transaction.arrival, current, now, self.rates)
            transaction.holds = is_whole(transaction) or holding.is_held(flow, transaction.arrival, self._hold_up_to)
        except errors.S3Error as error:
            transaction.record.client, operation = gateway.guess(transaction.head, current)
            if operation:
                describe(transaction, operation)
            refuse(flow, transaction, error, current.limits.refusal_linger)
        except Exception as error:  # noqa: BLE001 - fail closed
            logger.error("request %s refused: %s", transaction.record.request_id, code_location(error))  # noqa: TRY400
            refuse(flow, transaction, errors.internal_error(), current.limits.refusal_linger)
        else:
            transaction.admitted = admitted
            transaction.record.client = admitted.client.name
            describe(transaction, admitted.operation)

    def request(self, flow: http.HTTPFlow) -> None:
        """Verify a body that is held, before anybody may edit it; without ``held`` :class:`Outbound` refuses."""
        transaction = self.transactions.get(flow)
        if transaction and transaction.holds and transaction.admitted and self.live:
            if is_whole(transaction):  # what mitmproxy has read is the body as it was stored
                flow.request.raw_content = transaction.replayed
            holding.verify(flow, transaction, transaction.admitted, self.live.current)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Stream the answer, with addresses and the KMS key id as the client must see them."""
        transaction = self.transactions.get(flow)
        if transaction is None or transaction.outgoing is None or flow.response is None or self.live is None:
            return
        transaction.mark("answered")
        try:
            # The backend may still answer a poisoned upload before its connection is cut: the client gets our reason.
            error = transaction.refusal or prepare_answer(flow, transaction, self.live.current.config)
        except Exception as failure:  # noqa: BLE001 - fail closed
            logger.error("request %s refused: %s", transaction.record.request_id, code_location(failure))  # noqa: TRY400
            error = errors.internal_error()
        if error:
            refuse_answer(flow, transaction, error)
        else:
            transaction.answer = flow.response
            self.recorder.show(flow, transaction)

    def response(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Close the books on an answered flow."""
        transaction = self.transactions.get(flow)
        if transaction is None or flow.response is None or self.live is None:
            return None
        if transaction.watch or (flow.response.raw_content and not flow.response.stream):
            try:
                # What came after the head of the backend's answer may have been found to be wrong in the meantime.
                late = transaction.refusal if transaction.answer else None
                error = late or finish_held_answer(flow, transaction)
            except Exception as failure:  # noqa: BLE001 - fail closed
                logger.error("request %s refused: %s", transaction.record.request_id, code_location(failure))  # noqa: TRY400
                error = errors.internal_error()
            if error:
                refuse_held_answer(flow, transaction, error)
            elif transaction.answer and refuses_early(flow, transaction):
                # mitmproxy would end the client's connection with the backend's, and reset a client that still writes.
                linger = self.live.current.config.limits.refusal_linger
                termination.answer_instead(flow, termination.Answer(flow.response, flow.response), linger)
            transaction.record.bytes_out = len(flow.response.raw_content or b"")
        return self._close(flow, transaction, flow.response)

    def error(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Answer in S3's words when the backend fails; note when the client did."""
        transaction = self.transactions.get(flow)
        if transaction is None or self.live is None:
            return None
        client_is_there = bool(flow.client_conn.state & ConnectionState.CAN_WRITE) and not termination.is_killed(flow)
        error = transaction.refusal or errors.service_unavailable()
        answer = flow.response if termination.has_begun(flow) else None
        record = transaction.record
        if transaction.refusal is None:
            said = "the gateway was stopped" if ctx.master.should_exit.is_set() else flow.error and flow.error.msg
            record.fault = record.fault or said or "unknown"
            if client_is_there:
                why = "; ".join(filter(None, (record.fault.rstrip("."), remedy(record.fault))))
                logger.error("backend %s failed: %s", self.live.current.config.backend.url, why)
        if client_is_there and answer is None:
            given = answer_to(transaction, error)
            answer = given.kept
            record.bytes_out = len(answer.raw_content or b"")
            termination.answer_error(flow, given, linger=self.live.current.config.limits.refusal_linger)
            record.refuse(error)
        return self._close(flow, transaction, answer)

    def _close(
        self, flow: http.HTTPFlow, transaction: flows.Transaction, answer: http.Response | None
    ) -> Awaitable[None] | None:
        record = transaction.record
        record.status = answer.status_code if answer else 0
        record.duration = time.time() - record.time
        if transaction.refusal:
            record.refuse(transaction.refusal)
        if transaction.held:
            flow.request.raw_content = transaction.content  # to be looked at, without chunk signatures
        flows.redact(flow)
        settled = self.explainer.consider(flow, transaction, self.live.current.config) if self.live else None
        self.recorder.finish(flow, transaction, answer, explained_later=settled is not None)
        self._log.write(transaction, self._log_format)
        return patiently(settled) if settled and self.recorder.writes_flows else None

    async def _on_explained(self, flow: http.HTTPFlow, transaction: flows.Transaction, dropped: int) -> None:
        self._log.explain(transaction, dropped, self._log_format)
        self.recorder.explained(flow, transaction)
        await ctx.master.addons.trigger_event(UpdateHook([flow]))

    @property
    def _log_format(self) -> str:
        return self.live.current.config.log_format if self.live else "auto"

    def _on_change(self, new: Config) -> None:
        self.recorder.use(new.log_capture)
        wants = options.wanted(new, verbose=False)
        ctx.options.update(**{name: wants[name] for name in options.LIVE})


def _check_outbound() -> None:
    """Should mitmproxy replay while it still starts: without :class:`Outbound` nobody would hold a request back."""
    if ctx.master.addons.get(outbound.NAME) is None:
        raise errors.service_unavailable()
