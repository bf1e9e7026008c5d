"""An exchange whose client has a session of its own at the backend: that signs, and never the gateway's own key."""

from collections.abc import Callable
from dataclasses import replace

from s3gateway import errors
from s3gateway.config.model import Client
from s3gateway.signer import Signer
from s3gateway.wire.choosing import Make
from s3gateway.wire.service import Current
from s3gateway.wire.uploading import Uploading


class Acting(Uploading):
    """Knows under whose session the request goes on."""

    _acts_as: Client | None = None
    _parent: Current | None = None  # what makes sessions
    _is_user = False  # who has credentials of its own at the backend

    def _when_signer(self, then: Callable[[], None]) -> None:
        """Go on with ``then`` under the session of the client that was admitted, or with why there is none."""
        admitted = self.transaction.admitted
        client = admitted.client if admitted is not None else None
        if client is not None and client.session is not None and client.session.backend is not None:
            own = Signer(client.session.backend, self._current.config.backend.region)
            self._current = replace(self._current, signer=own)
            self._is_user = True
        if client is None or not client.backend_policy:
            then()
            return
        self._acts_as, self._parent = client, self._came_under
        signer = self._service.backend_sessions.signer(self._came_under, client)
        if signer is not None:
            self._act(signer)
            then()
            return

        async def make() -> None:
            try:
                self._act(await self._made(self._came_under, client))
            except errors.S3Error as error:
                self.transaction.refusal = error.detached()

        def go_on() -> None:
            then()
            self._push()  # what has come of a form meanwhile

        self._after(make(), go_on)

    async def _has_new_session(self) -> bool:
        """Make a session anew, as the backend refuses the one there is; whether there is another one."""
        client, parent = self._acts_as, self._parent
        if client is None or parent is None:
            return False
        self._service.backend_sessions.forget(parent, client, self._current.signer)
        try:
            signer = await self._made(parent, client)
        except errors.S3Error:
            return False
        self._act(signer)
        return True

    def _act(self, signer: Signer) -> None:
        """Sign with another key from now on, whichever backend is chosen."""
        self._came_under, self._current = (replace(one, signer=signer) for one in (self._came_under, self._current))

    async def _made(self, parent: Current, client: Client) -> Signer:
        """Make a session; where the backend refuses the gateway's own key, with another one. Raises S3Error."""
        sessions, own_keys = self._service.backend_sessions, self._service.own_keys
        try:
            return await sessions.make(parent, client)
        except errors.S3Error:
            if own_keys is None or not await own_keys.refused(parent.signer):
                raise
        self._parent = replace(parent, signer=own_keys.signer)
        return await sessions.make(self._parent, client)

    def _send(self, make: Make) -> None:
        """Sign for a client that has a session with that session, or not at all."""
        admitted = self.transaction.admitted
        if admitted is not None and admitted.client.backend_policy and self._acts_as is None:
            self.refuse(errors.internal_error())
        else:
            super()._send(make)
