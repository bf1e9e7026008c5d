"""scripts/deploy/kubernetes: valid by Kubernetes' published schemas, fits together, and its pods run as they stand.

There is no cluster: a pod's container is a process in namespaces of its own, with its volumes laid out as the kubelet
does it.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from lab import CHECKOUT, tools
from lab.certs import Certs, make_certs
from lab.containers import Container, Host
from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import parse
from tests.conftest import _have
from tests.real.waiting import eventually

FOLDER = CHECKOUT / "scripts" / "deploy" / "kubernetes"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml"))
NO_RESOURCES = {"kustomization.yaml", "adapter-values.yaml"}
VERSIONS = ("1.29", "1.31", "1.33", "1.35", "1.37")
"""From the one that has sidecars."""

BACKEND = "minio.minio.svc.cluster.local"
SERVICE = "s3-gateway.s3-gateway.svc.cluster.local"
USER = "10001:10001"
IMAGE = {"PATH": "/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
ROOT_KEYS = ("kubernetes-backend", "secret-of-the-kubernetes-backend")
CLIENT_SECRET = "secret-of-spark-on-kubernetes"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


RESOURCES = {
    f"{name}: {document['kind']} {document['metadata'].get('name', '')}".strip(): document
    for name in FILES
    if name not in NO_RESOURCES
    for document in documents(name)
}


def resource(kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in RESOURCES.values() if (one["kind"], one["metadata"].get("name", "")) == (kind, name)]
    return found


DEPLOYMENT = resource("Deployment", "s3-gateway")
DAEMON_SET = resource("DaemonSet", "s3-gateway-node")
SIDECAR = resource("Pod", "")
PODS = {
    "deployment": DEPLOYMENT["spec"]["template"],
    "daemonset": DAEMON_SET["spec"]["template"],
    "sidecar": SIDECAR,
}


def gateway_of(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [
        one
        for one in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
        if one.get("command", [""])[0] == "mitmdump"
    ]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", RESOURCES)
def test_it_is_valid(name: str, version: str) -> None:
    """Strictly: what the schema does not know is a mistake."""
    kubernetes_validate.validate(RESOURCES[name], version, strict=True)


def test_a_mistake_is_found() -> None:
    """The schemas are ones that can fail."""
    broken = json.loads(json.dumps(DEPLOYMENT))
    broken["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_kustomization_has_all_but_secrets() -> None:
    (kustomization,) = documents("kustomization.yaml")
    here = {path.name for path in FOLDER.glob("*.yaml")}
    assert set(kustomization["resources"]) == here - NO_RESOURCES - {"secret.yaml"}
    (image,) = kustomization["images"]
    assert image["name"] == gateway_of(PODS["deployment"])["image"]
    pushed = f"{image['newName']}:{image['newTag']}"
    assert {gateway_of(PODS[name])["image"] for name in ("daemonset", "sidecar")} == {pushed}
    compose = yaml.safe_load((CHECKOUT / "compose.yaml").read_text(encoding="utf-8"))
    assert compose["x-gateway"]["image"] == f"s3-gateway:{image['newTag']}"


@pytest.mark.parametrize(("workload", "services"), [(DEPLOYMENT, ["s3-gateway"]), (DAEMON_SET, ["s3-gateway-local"])])
def test_selectors_find_their_pods_and_no_others(workload: dict[str, Any], services: list[str]) -> None:
    """A Service, a budget or a workload that took the other's pods for its own would be wrong for both."""
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"] == labels
    selecting = [
        one["metadata"]["name"]
        for one in RESOURCES.values()
        if one["kind"] == "Service" and one["spec"]["selector"].items() <= labels.items()
    ]
    assert selecting == services


def test_budget_and_network_policy_are_about_these_pods() -> None:
    labels = PODS["deployment"]["metadata"]["labels"]
    assert resource("PodDisruptionBudget", "s3-gateway")["spec"]["selector"]["matchLabels"] == labels
    policy = resource("NetworkPolicy", "s3-gateway")["spec"]["podSelector"]["matchLabels"]
    assert all(policy.items() <= PODS[name]["metadata"]["labels"].items() for name in ("deployment", "daemonset"))
    scaled = resource("HorizontalPodAutoscaler", "s3-gateway")["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", DEPLOYMENT["metadata"]["name"])


def test_network_policy_opens_what_is_used() -> None:
    """S3 and the admin listener in; DNS and the backend's port out."""
    spec = resource("NetworkPolicy", "s3-gateway")["spec"]
    assert [rule["ports"][0]["port"] for rule in spec["ingress"]] == ["s3", "admin"]
    backend = _config("s3-gateway")["backend"]["endpoint"]
    assert [rule["ports"][0]["port"] for rule in spec["egress"]] == [53, int(backend.rpartition(":")[2])]


@pytest.mark.parametrize("name", PODS)
def test_ports_probes_and_mounts_fit(name: str) -> None:
    """Probes ask for ports that there are and paths that the admin listener has; each volume is there and is used."""
    pod, container = PODS[name], gateway_of(PODS[name])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    config = _config("s3-gateway-sidecar" if name == "sidecar" else "s3-gateway")
    assert ports["admin"] == config["admin"]["port"]
    assert ports.get("s3", config["listen"]["port"]) == config["listen"]["port"]
    probes = {kind: container[kind]["httpGet"] for kind in container if kind.endswith("Probe")}
    assert {probe["port"] for probe in probes.values()} == {"admin"}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        **({} if name == "sidecar" else {"readinessProbe": "/readyz"}),
    }
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert volumes == {mount["name"] for mount in container["volumeMounts"]}
    assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]


@pytest.mark.parametrize("name", PODS)
def test_containers_can_do_little(name: str) -> None:
    pod, container = PODS[name]["spec"], gateway_of(PODS[name])
    security = pod.get("securityContext", {}) | container["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 10001)
    assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_daemonsets_pod_is_the_deployments() -> None:
    """But for where its image comes from, and what a node's share is."""
    one, other = (json.loads(json.dumps(PODS[name]["spec"])) for name in ("deployment", "daemonset"))
    for spec in (one, other):
        for name in ("serviceAccountName", "topologySpreadConstraints"):
            spec.pop(name, None)
        (container,) = spec["containers"]
        for name in ("image", "resources"):
            del container[name]
    assert one == other


def test_grace_is_longer_than_what_it_is_for() -> None:
    """preStop counts as well."""
    for name in ("deployment", "daemonset"):
        command = gateway_of(PODS[name])["lifecycle"]["preStop"]["exec"]["command"]
        assert command[0] == "sleep"
        assert PODS[name]["spec"]["terminationGracePeriodSeconds"] >= int(command[1]) + 300


def test_secrets_have_what_is_mounted_and_no_values() -> None:
    """Every file that the configuration names comes from a ConfigMap or Secret that is there, under that name."""
    for config_name, pod_name in (("s3-gateway", "deployment"), ("s3-gateway-sidecar", "sidecar")):
        config = _config(config_name)
        wanted = {
            config["backend"]["ca_file"],
            config["backend"]["credentials"]["file"],
            *(client["secret_access_key_file"] for client in config["clients"]),
            *(config["listen"][key] for key in ("certificate", "key") if key in config["listen"]),
        }
        assert wanted <= {path for path, _ in _files(pod_name)}
    for one in RESOURCES.values():
        if one["kind"] == "Secret":
            assert not any(re.sub(r"[a-z_]+: |[\"'{},\s]|static:", "", value) for value in one["stringData"].values())


def _config(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(resource("ConfigMap", name)["data"]["gateway.yaml"])
    return found


def _files(pod: str) -> Iterator[tuple[str, str]]:
    """What is in the pod's volumes, as the files of this folder have it: path and content."""
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway_of(PODS[pod])["volumeMounts"]}
    for volume in PODS[pod]["spec"]["volumes"]:
        if "configMap" in volume:
            data = resource("ConfigMap", volume["configMap"]["name"])["data"]
        elif "secret" in volume:
            data = resource("Secret", volume["secret"]["secretName"])["stringData"]
        else:
            continue
        yield from ((f"{mounts[volume['name']]}/{key}", content) for key, content in data.items())


def test_the_secrets_of_the_file_are_refused(tmp_path: Path) -> None:
    """Whoever applies secret.yaml as it is gets no gateway, and a sentence."""
    for path, content in _files("deployment"):
        place = tmp_path / path.removeprefix("/")
        place.parent.mkdir(exist_ok=True)
        place.write_text(content, encoding="utf-8")
    text = (tmp_path / "config" / "gateway.yaml").read_text().replace(": /", f": {tmp_path}/")
    with pytest.raises(ConfigError, match="lacks access_key_id or secret_access_key"):
        parse(text, tmp_path)


class Pod:
    """The gateway's container of a pod, with its volumes laid out as the kubelet does it."""

    def __init__(self, host: Host, name: str, certs: Certs) -> None:
        self.host = host
        self.name = name
        self._files = dict(_files(name)) | {
            "/backend/ca.crt": certs.ca.read_text(),
            "/backend/credentials.yaml": yaml.safe_dump(
                {"static": dict(zip(("access_key_id", "secret_access_key"), ROOT_KEYS, strict=True))}
            ),
            "/clients/spark": CLIENT_SECRET,
        }
        if name != "sidecar":
            self._files |= {
                "/tls/tls.crt": certs.gateway_certificate.read_text(),
                "/tls/tls.key": certs.gateway_key.read_text(),
            }
        self.write()
        self.container: Container | None = None

    @property
    def folder(self) -> Path:
        return self.host.folder / "pods" / self.name

    def spec(self) -> dict[str, Any]:
        """As a service of a compose file."""
        container = gateway_of(PODS[self.name])
        targets = sorted({str(Path(path).parent) for path in self._files})
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]} - {"/tmp"}
        assert set(targets) == mounted
        volumes = [
            {"type": "bind", "source": f"{self.folder}{target}", "target": target, "read_only": True}
            for target in targets
        ]
        return {"user": USER, "command": container["command"], "volumes": volumes}

    def write(self, **changed: str) -> None:
        """Put files into place: a new folder with all of them, then one rename of the link that leads there."""
        self._files |= {f"/{name.replace('__', '/').replace('_yaml', '.yaml')}": text for name, text in changed.items()}
        for target in {str(Path(path).parent) for path in self._files}:
            place = Path(f"{self.folder}{target}")
            number = len(list(place.glob("..2*")))
            data = place / f"..2026_{number}"
            data.mkdir(parents=True)
            for path, text in self._files.items():
                if str(Path(path).parent) == target:
                    (data / Path(path).name).write_text(text, encoding="utf-8")
                    link = place / Path(path).name
                    if not link.is_symlink():
                        link.symlink_to(f"..data/{link.name}")
            fresh = place / "..data_tmp"
            fresh.symlink_to(data.name)
            fresh.rename(place / "..data")

    def get(self, path: str, port: int = 9100) -> int:
        """The status of a probe, asked for at the pod's address; 0 where nobody answers."""
        assert self.container is not None
        url = f"http://{self.host.address(self.name)}:{port}{path}"
        ended = self.container.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
        return int(ended.stdout)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, Certs]]:
    """A backend by the name that the configuration has, and room for the pods."""
    folder = tmp_path_factory.mktemp("kubernetes") / "certs"
    certs, _ = make_certs(folder, (BACKEND, SERVICE))
    for path in certs.backend.rglob("*"):
        shutil.chown(path, *map(int, USER.split(":")))
    services: dict[str, dict[str, Any]] = {
        BACKEND: {
            "user": USER,
            "command": ["minio", "server", "--quiet", "--address", ":9000", "--certs-dir", "/certs", "/data"],
            "environment": {
                "MINIO_ROOT_USER": ROOT_KEYS[0],
                "MINIO_ROOT_PASSWORD": ROOT_KEYS[1],
                "MINIO_KMS_SECRET_KEY": "my-key:" + "A" * 43 + "=",
                "MINIO_CI_CD": "1",
                "MINIO_BROWSER": "off",
            },
            "volumes": [
                {"type": "bind", "source": str(certs.backend), "target": "/certs", "read_only": True},
                {"type": "volume", "source": "objects", "target": "/data"},
            ],
        },
        **{name: {} for name in PODS},
    }
    with Host(services, {"minio": _have(tools.minio)}) as running:
        shutil.chown(running.volume("objects"), *map(int, USER.split(":")))
        running.start(BACKEND)
        yield running, certs


def started(host: tuple[Host, Certs], name: str) -> Pod:
    running, certs = host
    pod = Pod(running, name, certs)
    running.services[name] = pod.spec()
    pod.container = running.start(name, env=IMAGE)
    eventually(lambda: pod.get("/healthz") == 200, running.log(name))
    return pod


@pytest.fixture(scope="module")
def deployed(host: tuple[Host, Certs]) -> Pod:
    return started(host, "deployment")


@pytest.mark.real
def test_the_pod_gets_ready_and_serves(deployed: Pod) -> None:
    """By the Service's name over TLS, and without."""
    eventually(lambda: deployed.get("/readyz") == 200, deployed.host.log("deployment"))
    assert deployed.container is not None
    asks = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:s3"]
    asks += ["--user", f"SPARKKEY:{CLIENT_SECRET}", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    address = deployed.host.address("deployment")
    tls = ["--cacert", "/backend/ca.crt", "--connect-to", f"{SERVICE}:8000:{address}:8000", f"https://{SERVICE}:8000/"]
    for where in (tls, [f"http://{address}:8000/"]):
        assert deployed.container.run(*asks, *where).stdout == "200"


@pytest.mark.real
def test_the_autoscalers_metric_is_one_that_there_is(deployed: Pod) -> None:
    (metric,) = resource("HorizontalPodAutoscaler", "s3-gateway")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert deployed.container is not None
    url = f"http://{deployed.host.address('deployment')}:9100/metrics"
    assert f"# TYPE {name} gauge" in deployed.container.run("curl", "-s", url).stdout
    (rule,) = documents("adapter-values.yaml")[0]["rules"]["custom"]
    assert rule["seriesQuery"].startswith(name + "{")
    assert rule["name"]["matches"] == name
    annotations = PODS["deployment"]["metadata"]["annotations"]
    assert (annotations["prometheus.io/port"], annotations["prometheus.io/path"]) == ("9100", "/metrics")


@pytest.mark.real
def test_a_changed_config_map_takes_effect_and_a_broken_one_does_not(deployed: Pod) -> None:
    text = resource("ConfigMap", "s3-gateway")["data"]["gateway.yaml"]
    more = text.replace("encryption:", "encryption:\n  - {prefix: pii/, sse-kms: my-key}")
    deployed.write(config__gateway_yaml=more)
    eventually(lambda: "configuration reloaded: clients 1, encryption rules 2" in deployed.host.log("deployment"))
    deployed.write(config__gateway_yaml=text + "  - {sse-s3: maybe}\n")
    eventually(lambda: "configuration not reloaded" in deployed.host.log("deployment"))
    assert deployed.get("/healthz") == 200


@pytest.mark.real
def test_the_pod_ends(host: tuple[Host, Certs]) -> None:
    """preStop's command is there in it, and SIGTERM ends it with status 0."""
    pod = started(host, "daemonset")
    assert pod.container is not None
    command = gateway_of(PODS["daemonset"])["lifecycle"]["preStop"]["exec"]["command"]
    assert pod.container.run(command[0], "0").returncode == 0
    pod.container.process.stop()
    assert pod.container.process.returncode == 0


@pytest.mark.real
def test_the_sidecar_serves_its_own_pod_alone(host: tuple[Host, Certs]) -> None:
    """Port 8000 is on loopback; probes come to the pod's address."""
    pod = started(host, "sidecar")
    assert pod.container is not None
    local = pod.container.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8000/bucket/k")
    assert local.stdout == "403"
    assert pod.get("/bucket/k", 8000) == 0


def test_spark_takes_the_sidecars_template() -> None:
    """Spark's container is the one that the settings name, and the gateway comes up before it and ends after it."""
    (spark,) = SIDECAR["spec"]["containers"]
    said = (FOLDER / "spark" / "sidecar.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"podTemplateContainerName +(\S+)", said)) == {spark["name"]}
    assert set(re.findall(r"podTemplateFile +(\S+)", said)) == {"sidecar.yaml"}
    gateway = gateway_of(SIDECAR)
    assert gateway in SIDECAR["spec"]["initContainers"]
    assert gateway["restartPolicy"] == "Always"
    listen = _config("s3-gateway-sidecar")["listen"]
    assert f"http://{listen['host']}:{listen['port']}\n" in said
