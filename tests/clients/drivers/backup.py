"""restic and kopia, both on minio-go: a repository, two snapshots, a restore, a pruning."""

import os
from pathlib import Path

import case
from case import BUCKET, FILE, LARGE, WORK

PROGRAM = os.environ["PROGRAM"]
SOURCE = WORK / "source é"
SOURCE.mkdir()
ENV = {
    "AWS_ACCESS_KEY_ID": case.KEY, "AWS_SECRET_ACCESS_KEY": case.SECRET, "AWS_DEFAULT_REGION": case.REGION,
    "RESTIC_REPOSITORY": f"s3:{case.ENDPOINT}/{BUCKET}/backup", "RESTIC_PASSWORD": "x", "KOPIA_PASSWORD": "x",
    "RESTIC_CACHE_DIR": str(WORK / "cache"), "KOPIA_CHECK_FOR_UPDATES": "false",
    "KOPIA_CONFIG_PATH": str(WORK / "kopia.config"), "KOPIA_CACHE_DIRECTORY": str(WORK / "cache"),
}  # fmt: skip
KOPIA = Path(PROGRAM).name == "kopia"


def call(*arguments):
    more = ["--cacert", case.CA] if case.TLS and not KOPIA else []
    return case.command(PROGRAM, *more, *arguments, env=ENV)


def create():
    if not KOPIA:
        call("init")
        return
    tls = [f"--root-ca-pem-path={case.CA}"] if case.TLS else ["--disable-tls"]
    call("repository", "create", "s3", f"--bucket={BUCKET}", f"--endpoint={case.HOST}", f"--access-key={case.KEY}",
         f"--secret-access-key={case.SECRET}", f"--region={case.REGION}", "--prefix=backup/", *tls)  # fmt: skip


def backup():
    (SOURCE / "small").write_bytes(case.SMALL)
    call(*(("snapshot", "create", SOURCE) if KOPIA else ("backup", SOURCE)))


def more():
    (SOURCE / "large").write_bytes(FILE.read_bytes())
    backup()


def restore():
    target = WORK / "restored"
    if KOPIA:
        call("snapshot", "restore", f"{SOURCE}", target)
    else:
        call("restore", "latest", "--target", target)
    (found,) = target.rglob("large")
    case.same(found.read_bytes(), LARGE)


def listing():
    call(*(("snapshot", "list") if KOPIA else ("snapshots",)))
    call(*(("repository", "status") if KOPIA else ("check", "--read-data")))


def prune():
    if KOPIA:
        call("snapshot", "delete", "--all-snapshots-for-source", f"{SOURCE}", "--delete")
        call("maintenance", "run", "--full", "--safety=none")
    else:
        call("forget", "latest", "--prune")


case.run(
    {
        "put-empty": create,
        "put-small": backup,
        "put-file": more,
        "get": restore,
        "list": listing,
        "delete-many": prune,
    }
)
