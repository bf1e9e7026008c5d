"""The addon: what mitmproxy asks of the gateway, in hooks of a few lines."""

import asyncio
import gc
import logging
import os

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader

from s3gateway.code_location import code_location
from s3gateway.config import aistor_gw
from s3gateway.config.check import ConfigError
from s3gateway.config.model import Config
from s3gateway.mitm import handover, internals, log
from s3gateway.mitm.books import Books
from s3gateway.mitm.firing import Firing
from s3gateway.mitm.observers import Observers
from s3gateway.mitm.operating import Operating, bucket_labels, versions
from s3gateway.mitm.recorder import Recorder
from s3gateway.mitm.start import certificates, listeners, loading, options
from s3gateway.mitm.start.live import Live
from s3gateway.mitm.start.signals import Signals
from s3gateway.mitm.watched import commands, contentview, desk, foreign, listing, replay
from s3gateway.observed.metrics import Metrics
from s3gateway.serve.worker import Worker, this_worker
from s3gateway.signer import CredentialsError
from s3gateway.wire import own_keys, state_file
from s3gateway.wire.admin import Admin, Pages
from s3gateway.wire.draining import Draining
from s3gateway.wire.service import Current, Service

logger = logging.getLogger(__name__)


class S3Gateway:
    """Reads the options, starts the gateway behind mitmproxy's listener, and ends it."""

    def __init__(self) -> None:
        self.live: Live | None = None
        self.recorder = Recorder()
        self.desk = desk.Desk(self._in_force)
        self._log = self._mitmdumps_log = log.AccessLog()
        self._service: Service | None = None
        self._books: Books | None = None
        self._door: handover.Door | None = None
        self._metrics: Metrics | None = None
        self._observers: Observers | None = None
        self._admin: Admin | None = None
        self._admin_start: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._ledger_task: asyncio.Task[None] | None = None
        self._held: list[http.HTTPFlow] = []
        self._worker: Worker | None = None
        self._pages: Pages = {}

    def load(self, loader: Loader) -> None:
        """Register the options."""
        loader.add_option("s3_config", str, "", "The S3 gateway's configuration file (YAML). See the README.")
        desk.add_options(loader)

    def configure(self, updated: set[str]) -> None:
        """Load the configuration and set mitmproxy's options from it; whatever fails, nothing must listen."""
        try:
            self._configure(updated)
        except (ConfigError, CredentialsError, exceptions.OptionsError) as error:
            loading.refuse(loading.told(error))
        except Exception as error:  # noqa: BLE001 - mitmproxy would go on without the gateway, as an open proxy
            loading.refuse(f"the configuration cannot be used: {code_location(error)}")

    def _configure(self, updated: set[str]) -> None:
        self.desk.configure(ctx.options)
        if "s3_config" not in updated:
            return
        if self.live is not None:
            raise exceptions.OptionsError("s3_config cannot change while running; change the file itself")
        self._worker = this_worker()
        said = options.command_line(ctx.options)
        live = Live(lambda: loading.load(said), loading.told, certificates.from_options)
        wants = options.wanted(live.current.config, verbose=aistor_gw.is_verbose(os.environ))
        options.check_command_line(ctx.options, said, live.current.config, wants)
        if self._worker is not None:
            internals.listen_with(self._worker.listen)
        else:
            listeners.check_address("listen", live.current.config.listen)
            if live.current.config.admin is not None:
                listeners.check_address("admin", live.current.config.admin)
        certificates.check_confdir()
        if live.current.config.state is not None:
            state_file.check(live.current.config.state)
        self.live = live
        if (termlog := ctx.master.addons.get("termlog")) is not None:
            number = self._worker.number if self._worker else None
            self._mitmdumps_log = log.take_over(termlog.logger, lambda: self._in_force().config.log_format, number)
        options.apply(ctx.options, wants)
        listeners.open_listeners_later(self._on_open)
        self._held = listeners.hold_replays()

    def running(self) -> None:
        """Open the door, at the end of the chain of addons, and start watching the files."""
        if self.live is None:
            return
        under_mitmdump = ctx.master.addons.get("dumper") is not None
        self._log = self._mitmdumps_log if under_mitmdump else log.AccessLog()
        log.guard_proxy_log(quiet=under_mitmdump and ctx.options.termlog_verbosity in {"error", "warn"})
        admin = self.live.current.config.admin
        self._metrics = Metrics(versions(), bucket_labels(admin)) if admin else None
        self._observers = Observers(self._metrics, self._log.add)
        self._books = Books(self._in_force, self._log, self.recorder, self.desk, self._observers)
        ledger = self._worker.ledger if self._worker else None
        service = self._service = Service(self._in_force, self._books, shared_rates=ledger)
        service.own_keys = self.live.own_keys
        self.live.own_keys.try_out = own_keys.trial(service)
        self._ledger_task = asyncio.create_task(service.key_ledger.run(), name="s3gateway keys")
        internals.fire_hooks_with(Firing(ctx.master.addons).trigger)
        self._door = self._open_door(self._service)
        self.desk.start(under_mitmdump=under_mitmdump)
        internals.wrap_writers(self.desk.redacted)
        if not under_mitmdump:
            watched = foreign.Foreign(lambda: self._in_force().config)
            contentview.register(watched)
            listing.redact_copies()
            commands.offer(self.live, watched)
            loading.tell_web_address()
        self.recorder.use(self.live.current.config.log_capture)
        replay.start(self._service)
        listeners.release_replays(self._held)
        self._observers.start(self._service, self.live.current.config)
        self._open_admin(self._service)
        self._obey_signals(self._service, self._door)
        self._watcher = asyncio.create_task(self.live.watch(self._on_change), name="s3gateway watcher")
        gc.collect()
        self._service.memory.trim()
        gc.freeze()  # what is here now stays: no later collection need look at it, which is a tenth of a request's CPU

    def _open_admin(self, service: Service) -> None:
        place = self._in_force().config.admin
        if place is not None and self._metrics is not None and self._observers is not None:
            self._pages = Operating(service, lambda: self._door, self._metrics, self._observers).pages
            if self._worker is None:  # else its parent asks all workers, and listens
                self._admin = Admin(self._pages)
                self._admin_start = asyncio.create_task(self._admin.listen(place.host, place.port))

    def _on_open(self) -> None:
        """Tell that connections are accepted."""
        if self._worker is None:
            logger.warning("%s", loading.announcement(self._in_force().config))
        else:
            self._worker.ready(self._pages)

    def _obey_signals(self, service: Service, door: handover.Door) -> None:
        worker = self._worker
        draining = Draining(
            service, lambda: listeners.close_listeners(worker), lambda: door.connections, lambda: door.in_flight
        )
        live = self.live
        if live is None:
            return
        orders = Signals(draining, lambda: live.current.config.shutdown, lambda: live.reload(self._on_change))
        orders.install(is_worker=worker is not None)
        if worker is not None:
            worker.orders = orders

    def _open_door(self, service: Service) -> handover.Door:
        if (old := ctx.master.addons.get(handover.NAME)) is not None:
            ctx.master.addons.remove(old)
        door = handover.Door(service, old, self._metrics.turned_away if self._metrics is not None else None)
        if self._worker is not None:
            door.share(self._worker.ledger)
        ctx.master.addons.add(door)
        return door

    def done(self) -> None:
        """End every exchange; what is still on a flow must not leave secrets in a flow file.

        The door stays, with the last configuration: what is asked after the script is gone is refused by its rules.
        """
        if self._watcher:
            self._watcher.cancel()
        if self._ledger_task and self._service:
            self._ledger_task.cancel()
            self._service.key_ledger.flush()
        if self._admin:
            self._admin.stop()
        if self._door:
            self._door.stop("the gateway was stopped")
        self.desk.stop()
        if self._books:
            self._books.stop()
        self.recorder.stop()
        if self._observers:
            self._observers.stop()
        self._log.flush()
        if self._service:
            self._service.stop()
        if self._worker and self._metrics:
            self._worker.last_words(self._metrics.text())

    def _in_force(self) -> Current:
        if self.live is None:
            raise exceptions.OptionsError("the gateway is not configured")
        return self.live.current

    def _on_change(self, new: Config | None) -> None:
        if self._metrics is not None:
            self._metrics.reloaded(taken=new is not None)
        if new is not None:
            self.recorder.use(new.log_capture)
            if self._observers is not None:
                self._observers.use(new)
