"""lab.gateway: the process is what a user starts, and a start that fails says why."""

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.moto import Moto
from lab.process import ProcessError
from tests.conftest import GatewayFactory


def test_a_gateway_serves_both_schemes_on_its_port(gateway: GatewayFactory, moto_backend: Moto, certs: Certs) -> None:
    running = gateway(gateway_config(moto_backend, certificate=certs.gateway))
    running.client().create_bucket(Bucket="lab-gateway")
    names = [bucket["Name"] for bucket in running.client(tls=True).list_buckets()["Buckets"]]
    assert "lab-gateway" in names


def test_a_configuration_that_is_refused_shows_in_the_error(gateway: GatewayFactory, moto_backend: Moto) -> None:
    with pytest.raises(ProcessError, match=r"before it was ready(?s:.*)unheard_of"):
        gateway(gateway_config(moto_backend, unheard_of=1))
