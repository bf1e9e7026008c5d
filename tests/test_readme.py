"""The README tells the truth: its table is the code's, its examples load, its commands and links exist."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from s3gateway.config import gateway_yaml, ldap, web_identity
from s3gateway.config.keys import KEYS
from s3gateway.config.kinds import Key
from s3gateway.identity.lookup import read_answer
from s3gateway.rules.access import Access

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPTIONS = {
    "bench": (
        "--against",
        "--watched",
        "--observed",
        "--peer",
        "--tls",
        "--cases",
        "--connections",
        "--backend",
        "--endpoints",
        "--sessions",
        "--workers",
        "--logins",
        "--quick",
        "--spark",
        "--json",
    ),
    "canary": ("--bucket", "--client", "--gateway", "--ca-file"),
    "capture_headers": ("--follow", "--refused", "--format", "--operation", "-o", "--last"),
    "clients": ("--all", "--only", "--write", "--backend", "--speed"),
    "demo": ("--identities",),
    "diff_headers": ("--format", "--html"),
    "keys": ("--days", "--json"),
    "explain": ("--config", "--known-host", "--html", "--format", "--serve"),
    "make_captures": (),
    "make_certs": ("--host",),
    "replay_flows": ("--junit", "--golden", "--config", "--update", "--gateway", "--make-buckets"),
    "soak": ("--seconds", "--memory", "--short", "--rows", "--checkout", "--cluster"),
    "serve": ("--workers", "--set"),
}
"""What the README says of each script's options."""


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None or key.default == ():
        return ""
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f"`{key.default!r}`" if key.default == "" else f"`{key.default}`"


def _row(key: Key) -> str:
    return f"| `{key.path}` | {key.kind.name} | {_default(key)} | {key.meaning} |"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_configuration_table_is_the_code() -> None:
    """Each key of the configuration has its row, in the order of the code, and there is no other row."""
    rows = [line for line in README.splitlines() if re.match(r"\| `(?:[a-z_]+[.\[]|state`)", line)]
    assert rows == [_row(key) for key in KEYS]


def test_example_configuration_is_accepted(tmp_path: Path) -> None:
    """The gateway.yaml shown is one that the gateway takes, once its certificate files are there."""
    (example,) = _blocks("yaml")
    (tmp_path / "certs").mkdir()
    for name in ("gateway.pem", "ca.crt"):
        (tmp_path / "certs" / name).write_text("")
    config = gateway_yaml.parse(example, tmp_path)
    assert [client.name for client in config.clients.values()] == ["spark"]
    assert len(config.encryption) == len(yaml.safe_load(example)["encryption"])


def test_example_clients_are_accepted(tmp_path: Path) -> None:
    """The clients shown for access rules are ones that the gateway takes."""
    (example,) = re.findall(r"^```\n(clients:\n.*?)^```", README, re.DOTALL | re.MULTILINE)
    for name in ("k1", "k2", "k3"):
        (tmp_path / name).write_text("secret")
    config = gateway_yaml.parse('backend: {endpoint: "https://minio.example"}\n' + example, tmp_path)
    accesses = [client.access for client in config.clients.values() if isinstance(client.access, Access)]
    assert [access.list_buckets for access in accesses] == [True, False, False]


def test_example_of_rotation_is_accepted(tmp_path: Path) -> None:
    """Two secrets, one of which ends."""
    (example,) = re.findall(r"^```\n(state: .*?)^```", README, re.DOTALL | re.MULTILINE)
    for name in ("spark-2025", "spark-2026"):
        (tmp_path / name).write_text(name)
    config = gateway_yaml.parse('backend: {endpoint: "https://minio.example"}\n' + example, tmp_path)
    assert [dated.term.not_after is None for dated in config.clients["SPARKKEY"].secrets] == [False, True]
    assert config.state == tmp_path / "state.json"


def test_example_of_a_lookup_is_accepted(tmp_path: Path) -> None:
    """Without clients; the answer shown is one that is taken."""
    (example,) = re.findall(r"^```\n(lookup:\n.*?)^```", README, re.DOTALL | re.MULTILINE)
    (answer,) = re.findall(r'^```\n(\{"emulated".*?)^```', README, re.DOTALL | re.MULTILINE)
    (tmp_path / "portal-headers").write_text("Authorization: Bearer x\n")
    config = gateway_yaml.parse('backend: {endpoint: "https://minio.example"}\n' + example, tmp_path)
    found = read_answer(200, answer.encode(), "KEYID")
    assert config.lookup is not None
    assert found is not None
    assert [right.is_for(found.login) for right in config.lookup.rights] == [True, False]


def test_example_of_cors_is_accepted() -> None:
    """The rules shown for pages are ones that the gateway takes, and that allow what the text says."""
    (example,) = re.findall(r"^```\n(cors:\n.*?)^```", README, re.DOTALL | re.MULTILINE)
    clients = "clients: [{name: a, access_key_id: K, secret_access_key: s}]\n"
    config = gateway_yaml.parse('backend: {endpoint: "https://minio.example"}\n' + clients + example, Path())
    assert isinstance(config.cors, tuple)
    assert [rule.bucket for rule in config.cors] == ["web-*"]


def test_example_of_sessions_is_accepted(tmp_path: Path) -> None:
    """The roles shown are ones that the gateway takes, with the ring that the script makes."""
    (example,) = re.findall(r"^```\n(sts: [^\n]*\nroles:\n.*?)^```", README, re.DOTALL | re.MULTILINE)
    subprocess.run([ROOT / "scripts" / "make_ring", "sts-ring.yaml"], cwd=tmp_path, check=True, capture_output=True)
    clients = "clients: [{name: spark, access_key_id: K, secret_access_key: s}]\n"
    config = gateway_yaml.parse('backend: {endpoint: "https://minio.example"}\n' + clients + example, tmp_path)
    assert [role.name for role in config.roles] == ["etl", "staff", "deploy"]
    assert config.sts is not None
    assert config.sts.is_shared


def test_example_of_a_catalogue_is_accepted(tmp_path: Path) -> None:
    """The client's key assumes the role that each row of the table names."""
    (example,) = re.findall(r"^```\n(sts: [^\n]*\nclients:\n.*?)^```", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "catalogue").write_text("secret")
    subprocess.run([ROOT / "scripts" / "make_ring", "sts-ring.yaml"], cwd=tmp_path, check=True, capture_output=True)
    config = gateway_yaml.parse(f'backend: {{endpoint: "https://minio.example"}}\n{example}', tmp_path)
    (role,) = config.roles
    assert role.clients == tuple(client.name for client in config.clients.values())
    rows = re.findall(r"^\| (?:Polaris|Gravitino|Lakekeeper|Nessie), .*", README, re.MULTILINE)
    assert [row.count(f"arn:aws:iam::000000000000:role/{role.name}") for row in rows] == [1] * 4


def test_workflow_of_github_fits_its_issuer() -> None:
    """It asks for a token for the audience of the configuration, which GitHub gives to who may have one."""
    (workflow,) = (
        yaml.safe_load(block) for block in re.findall(r"^```\n(name: .*?)^```", README, re.DOTALL | re.MULTILINE)
    )
    assert workflow["permissions"]["id-token"] == "write"
    (job,) = workflow["jobs"].values()
    assert job["env"]["AWS_ROLE_ARN"].endswith(":role/deploy")
    assert "&audience=s3-gateway" in job["steps"][-1]["run"]
    (issuer,) = re.findall(
        r"^web_identity:\n(  - issuer: https://token.actions.*?)^roles:", README, re.DOTALL | re.MULTILINE
    )
    assert yaml.safe_load(issuer)[0]["audiences"] == ["s3-gateway"]


def test_examples_of_logins_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory, Active Directory's filters, Kubernetes and GitHub, once their files are there."""
    blocks = re.findall(r"^```\n(sts: \{\}\n(?:ldap|web_identity):\n.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    (filters,) = re.findall(r"^```\n((?:  \w+_search_filter: .*\n){2})```", README, re.MULTILINE)
    lines = dict(line.strip().split(": ", 1) for line in filters.splitlines())
    blocks.append(re.sub(r"(\w+_search_filter): .*", lambda line: f"{line[1]}: {lines[line[1]]}", blocks[0]))
    monkeypatch.setattr(ldap, "check_ca", lambda _, path: path)
    monkeypatch.setattr(web_identity, "check_ca", lambda _, path: path)
    for block in blocks:
        for name in re.findall(r"(?:_file|ca_file): (\S+)", block):
            place = tmp_path / Path(name).name
            place.write_text("secret")
            block = block.replace(f": {name}\n", f": {place}\n")  # noqa: PLW2901
        config = gateway_yaml.parse(f"backend: {{endpoint: 'https://minio.example'}}\n{block}", tmp_path)
        assert (config.ldap is None) != (config.web_identity == ())
        assert len(config.roles) == 1


def test_spark_recipes_fit_the_example() -> None:
    """Both recipes name the example's port and key pair, and only settings that S3A and Spark have."""
    recipes = [dict(line.split(None, 1) for line in block.splitlines()) for block in _blocks("properties")]
    assert [recipe["spark.hadoop.fs.s3a.endpoint"] for recipe in recipes] == [
        "http://127.0.0.1:8000",
        "https://127.0.0.1:8000",
    ]
    for recipe in recipes:
        assert recipe["spark.hadoop.fs.s3a.access.key"] == "SPARKKEY"
        assert recipe["spark.hadoop.fs.s3a.secret.key"] == "change-me"


def test_other_clients_fit_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's, which also presigns with SigV4, and what mc and the AWS CLI are given."""
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    recipe, form = [block for block in _blocks("python") if not re.search("pyspark|LdapIdentityProvider", block)]
    made: dict[str, Any] = {}
    exec(recipe.partition("s3.put_object")[0] + form, made)  # tests/test_recipes.py has a gateway for the rest
    assert '<form action="https://127.0.0.1:8000/uploads" method="post"' in made["page"]
    url = made["s3"].generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})
    assert url.startswith(
        "https://127.0.0.1:8000/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SPARKKEY%2F"
    )
    (commands,) = [block for block in _blocks("console") if "mc alias" in block]
    assert commands.count("https://127.0.0.1:8000") == 2
    assert "8000 SPARKKEY change-me\n" in commands
    assert "AWS_ACCESS_KEY_ID=SPARKKEY AWS_SECRET_ACCESS_KEY=change-me " in commands


def test_what_it_has_one_write_is_not_committed() -> None:
    """Configurations with secrets, keys, objects and recordings, where the commands put them."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for name in ("gateway.yaml", "clients.yaml", "captures.jsonl", "flows", "kms.key", "sts-ring.yaml", "trust.p12"):
        assert name in README
        assert f"/{name}" in ignored
    assert {"*.flow", ".env", "/data/"} <= set(ignored)


def test_commands_exist() -> None:
    """Every script that the README names is there and executable, and the addon is where the commands say."""
    commands = set(re.findall(r"(?<![\w/.])scripts/[a-z_]+", README))
    assert commands >= {
        "scripts/demo",
        "scripts/test",
        "scripts/setup",
        "scripts/make_certs",
        "scripts/bench",
        "scripts/soak",
    }
    for command in commands:
        assert os.access(ROOT / command, os.X_OK), command
    assert (ROOT / "addons/s3_gateway.py").is_file()


@pytest.mark.parametrize(("script", "named"), OPTIONS.items())
def test_options_exist(script: str, named: tuple[str, ...]) -> None:
    """Every option that the README gives to a script is in the script's own help."""
    told = subprocess.run([ROOT / "scripts" / script, "--help"], capture_output=True, text=True, check=True).stdout
    for option in named:
        assert option in README
        assert option in told


def test_commands_of_mitmweb_are_the_code() -> None:
    """Each command has its row, in the order of the code, with its help as the text; and the option has its name."""
    source = (ROOT / "addons/s3gateway/mitm/watched/commands.py").read_text(encoding="utf-8")
    commands = re.findall(r'@command.command\("(s3\.\w+)"\).*\n.*\n +"""(.*)"""', source)
    rows = re.findall(r"^\| `(s3\.\w+) [^`]*` \| (.*) \|$", README, re.MULTILINE)
    assert rows == commands
    assert len(rows) == 4
    desk = (ROOT / "addons/s3gateway/mitm/watched/desk.py").read_text(encoding="utf-8")
    options = re.findall(r'^[A-Z]+_OPTION: Final = "(\w+)"$', desk, re.MULTILINE)
    assert len(options) == 2
    assert [name for name in options if f"--set {name}=" not in README] == []


def test_links_lead_somewhere() -> None:
    """Every relative link is a file or folder of this repository."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_tests_it_names_are_there() -> None:
    """Each file that is said to show something."""
    named = re.findall(r"`(tests/[\w/]+\.py)`", README)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_environment_table_is_the_code() -> None:
    """The drop-in variables that the README lists are those that the module documents."""
    source = (ROOT / "addons/s3gateway/config/aistor_gw.py").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert listed == re.findall(r"^``([A-Z_]+)``", source, re.MULTILINE)
