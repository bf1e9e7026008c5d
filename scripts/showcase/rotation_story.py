"""The last scenes of `scripts/demo --identities`: secrets rotate under load, and who is late is named."""

import secrets
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from lab import CHECKOUT
from lab.backends import s3_client
from showcase.ending import Ending
from showcase.identity_stage import Client, IdentityStage
from showcase.identity_story import PART, spark_with
from showcase.jobs import Job, Jobs
from showcase.login import Login
from showcase.screen import Screen
from showcase.spark import Wanted
from showcase.stage import BUCKET

_LEFT: Final = timedelta(days=6)
_OK: Final = 200
_PHASE: Final = 1.0  # seconds of load between two steps


class Rotating:
    """A client whose secret is to change: the entry of `clients` with one of its secrets, or both."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.access_key: Final = name.upper() + "KEY"
        self.old: Final = secrets.token_urlsafe(24)
        self.new: Final = secrets.token_urlsafe(24)

    def entry(self, *keys: dict[str, str]) -> Client:
        """With these secrets."""
        client = {"name": self.name, "access_key_id": self.access_key, "buckets": [BUCKET]}
        return {**client, "prefixes": [f"{self.name}-"], "keys": [dict(key) for key in keys]}

    def before(self) -> Client:
        """With the old secret alone."""
        return self.entry({"secret_access_key": self.old})

    def during(self) -> Client:
        """With both, the old one with an end."""
        end = f"{datetime.now(UTC) + _LEFT:%Y-%m-%dT%H:%M:%SZ}"
        return self.entry({"secret_access_key": self.old, "not_after": end}, {"secret_access_key": self.new})

    def after(self) -> Client:
        """With the new secret alone."""
        return self.entry({"secret_access_key": self.new})


ETL: Final = Rotating("etl")
REPORT: Final = Rotating("report")
CLIENTS: Final = (ETL, REPORT)


class RotationStory:
    """One performance on a stage."""

    def __init__(self, stage: IdentityStage, screen: Screen, ending: Ending) -> None:
        self._stage = stage
        self._screen = screen
        self._ending = ending

    def play(self, session: Login) -> None:
        """Both scenes; `session` is one that was opened before."""
        self._rotation()
        self._restart(session)

    def _rotation(self) -> None:
        screen, url = self._screen, self._stage.gateway.url
        screen.title("4. Two clients get new secrets while their jobs write and read without a pause")
        etl = [Job(f"etl-{number}", url, ETL.access_key, ETL.old) for number in (1, 2, 3)]
        report = Job("report-1", url, REPORT.access_key, REPORT.old)
        with Jobs(BUCKET, [*etl, report]) as jobs:

            def step(text: str) -> None:
                jobs.go_on(_PHASE)
                screen.line(f"  {jobs.requests:6} requests, {len(jobs.failed)} failed   {text}", "cyan")
                self._ending.checkpoint()

            step("etl-1, etl-2, etl-3 and report-1 sign with the old secrets")
            taken = self._stage.reload([ETL.during(), REPORT.during()])
            step("gateway.yaml has a second secret for each client, and an end for the old ones: both count")
            for job in etl:
                job.sign_with(ETL.new)
                step(f"{job.name} signs with the new one")
            taken = self._stage.reload([ETL.after(), REPORT.during()]) and taken
            step("etl's old secret is out of gateway.yaml; report-1 has been forgotten")
        for error in jobs.failed[:5]:
            screen.line(f"    {error}", "red")
        screen.check(f"{jobs.requests} requests, each tried once, and none failed while secrets came and went",
                     holds=taken and jobs.requests > 0 and not jobs.failed)  # fmt: skip

    def _restart(self, session: Login) -> None:
        screen = self._screen
        screen.title("5. Who still uses an old secret? scripts/keys, from what the gateway wrote when it was restarted")
        stage = self._stage = self._stage.restarted([ETL.after(), REPORT.during()], self._ending)
        command = [CHECKOUT / "scripts" / "keys", stage.gateway.config_path]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in (listed.stdout + listed.stderr).splitlines():
            screen.line(f"    {line}", "yellow" if line.startswith("warning") else "")
        warnings = [line for line in listed.stdout.splitlines() if line.startswith("warning: ")]
        named = f"warning: client {REPORT.name}: secret 1 of access key {REPORT.access_key} ends in 5 days and is still"
        screen.check("scripts/keys names the last user of an old secret, and nobody else",
                     holds=len(warnings) == 1 and warnings[0].startswith(named))  # fmt: skip
        taken = stage.reload([ETL.after(), REPORT.after()])
        old, new = (self._code(secret) for secret in (REPORT.old, REPORT.new))
        screen.note(
            f"that one goes, too: with report's old secret a request is {old or '200'}, with its new one {new or '200'}"
        )
        screen.check(
            "a secret that was taken out signs nothing any more", holds=taken and not new and old.startswith("403")
        )
        with spark_with(session, stage) as spark:
            read = spark.send(spark.sign(Wanted("GET", PART)))
        screen.check("alice's session outlived the restart, though nothing of it was stored", holds=read.status == _OK)

    def _code(self, secret: str) -> str:
        """What a request of `report` is refused with; empty if it passes."""
        s3 = s3_client(self._stage.gateway.url, REPORT.access_key, secret)
        try:
            s3.get_object(Bucket=BUCKET, Key="report-1/0")
        except ClientError as error:
            return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"
        return ""
