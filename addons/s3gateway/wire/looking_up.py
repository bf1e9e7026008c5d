"""An exchange whose access key the configuration does not name: it waits until somebody has said whose it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from s3gateway import errors
from s3gateway.config.model import Client
from s3gateway.wire.acting import Acting


class LookingUp(Acting):
    """Knows clients that the configuration does not, for as long as one exchange lasts."""

    def _when_known(self, access_key_id: str, then: Callable[[errors.S3Error | None], None]) -> None:
        """Go on with ``then`` when it is known whose the key is, or that nobody can say; empty for none to ask for."""
        config, lookup = self._current.config, self._service.lookup
        if not access_key_id or access_key_id in config.clients:
            then(None)
            return
        is_known, client = lookup.known(config, access_key_id)
        if is_known:
            self._know(access_key_id, client)
            then(None)
            return
        failed: list[errors.S3Error] = []

        async def find() -> None:
            try:
                self._know(access_key_id, await lookup.find(config, access_key_id))
            except errors.S3Error as error:
                failed.append(error.detached())

        def go_on() -> None:
            then(failed[0] if failed else None)
            self._push()  # what has come of a form meanwhile

        self._after(find(), go_on)

    def _know(self, access_key_id: str, client: Client | None) -> None:
        """Let the client be one of the configuration's, for this exchange."""
        if client is not None:
            config = self._came_under.config
            config = replace(config, clients=_Clients(access_key_id, client, config.clients))
            self._current = self._came_under = replace(self._came_under, config=config)
            self.transaction.config = config


class _Clients(Mapping[str, Client]):
    """The configuration's clients and one more, without a copy of them."""

    __slots__ = ("_access_key_id", "_client", "_others")

    def __init__(self, access_key_id: str, client: Client, others: Mapping[str, Client]) -> None:
        self._access_key_id, self._client, self._others = access_key_id, client, others

    def __getitem__(self, access_key_id: str) -> Client:
        return self._client if access_key_id == self._access_key_id else self._others[access_key_id]

    def __iter__(self) -> Iterator[str]:
        yield self._access_key_id
        yield from self._others

    def __len__(self) -> int:
        return len(self._others) + 1
