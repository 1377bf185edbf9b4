"""The Kubernetes manifests, as kubectl's own Kustomize puts them together."""

from collections.abc import Mapping
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.contract import api as openapi
from tests.deploy.programs import DEPLOY, output_of, settings_in
from tests.deploy.test_prometheus import INSTANCE_GONE

KUBERNETES_VERSIONS = ("1.30", "1.37")
"""The oldest that knows all that is used (a preStop that sleeps), and the newest known here."""

Resource = dict[str, Any]


def rendered(folder: str) -> dict[str, Resource]:
    """The resources of a kustomization, by kind; there is one of each."""
    documents = output_of("kubectl", "kustomize", DEPLOY / "kubernetes" / folder)
    return {resource["kind"]: resource for resource in yaml.safe_load_all(documents)}


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    """All resources of the example, which has the base and the monitoring in it."""
    return rendered("example")


@pytest.fixture(scope="module")
def pod(resources: dict[str, Resource]) -> Resource:
    """The pods' template."""
    template: Resource = resources["Deployment"]["spec"]["template"]
    return template


@pytest.fixture(scope="module")
def container(pod: Resource) -> Resource:
    """Their only container."""
    (container,) = pod["spec"]["containers"]
    assert isinstance(container, dict)
    return container


@pytest.fixture(scope="module")
def environment(resources: dict[str, Resource]) -> Mapping[str, str]:
    """The container's variables."""
    variables: Mapping[str, str] = resources["ConfigMap"]["data"]
    return variables


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_every_resource_satisfies_kubernetes_schema(
    resources: dict[str, Resource], version: str
) -> None:
    custom = {"PodMonitor"}
    for kind in resources.keys() - custom:
        kubernetes_validate.validate(resources[kind], version, strict=True)


def test_base_alone_names_no_environment() -> None:
    assert not rendered("base").keys() & {"Namespace", "Ingress", "PodMonitor"}
    assert "COGNITO_USER_POOL_ID" not in rendered("base")["ConfigMap"]["data"]


def test_pods_satisfy_the_restricted_security_standard(
    resources: dict[str, Resource], pod: Resource, container: Resource
) -> None:
    enforced = resources["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    assert pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_pods_hold_no_token_of_the_cluster(resources: dict[str, Resource], pod: Resource) -> None:
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert resources["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod["spec"]["serviceAccountName"] == resources["ServiceAccount"]["metadata"]["name"]


def test_settings_start_the_service(
    resources: dict[str, Resource], container: Resource, environment: Mapping[str, str]
) -> None:
    config_map, secret = container["envFrom"]
    assert config_map["configMapRef"]["name"] == resources["ConfigMap"]["metadata"]["name"]
    assert secret["secretRef"]["optional"]
    settings_in(environment)


def test_ports_and_probes_are_where_the_service_answers(
    container: Resource, environment: Mapping[str, str]
) -> None:
    settings = settings_in(environment)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": settings.port, "metrics": settings.metrics_port}
    served = openapi.document()["paths"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in served
        assert container[probe]["httpGet"]["port"] == "http"


def test_liveness_depends_on_nothing_else_being_up(container: Resource) -> None:
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_a_pod_has_the_time_to_finish_its_longest_call(
    pod: Resource, container: Resource, environment: Mapping[str, str]
) -> None:
    settings = settings_in(environment)
    unannounced = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert settings.graceful_timeout > settings.forget_deadline + settings.cognito_deadline
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    assert grace > unannounced + settings.graceful_timeout


def test_everything_that_selects_pods_selects_these(
    resources: dict[str, Resource], pod: Resource
) -> None:
    spec = {kind: resource.get("spec", {}) for kind, resource in resources.items()}
    selectors = [
        spec["Deployment"]["selector"]["matchLabels"],
        spec["Service"]["selector"],
        spec["PodDisruptionBudget"]["selector"]["matchLabels"],
        spec["NetworkPolicy"]["podSelector"]["matchLabels"],
        spec["PodMonitor"]["selector"]["matchLabels"],
        *(it["labelSelector"]["matchLabels"] for it in pod["spec"]["topologySpreadConstraints"]),
    ]
    assert all(selector == pod["metadata"]["labels"] for selector in selectors)
    assert spec["HorizontalPodAutoscaler"]["scaleTargetRef"] == {
        "apiVersion": resources["Deployment"]["apiVersion"],
        "kind": "Deployment",
        "name": resources["Deployment"]["metadata"]["name"],
    }


def test_named_ports_exist(resources: dict[str, Resource], container: Resource) -> None:
    names = {port["name"] for port in container["ports"]}
    (service_port,) = resources["Service"]["spec"]["ports"]
    (endpoint,) = resources["PodMonitor"]["spec"]["podMetricsEndpoints"]
    admitted = {
        port["port"]
        for rule in resources["NetworkPolicy"]["spec"]["ingress"]
        for port in rule["ports"]
    }
    assert {service_port["targetPort"], endpoint["port"]} <= names
    assert admitted == names


def test_an_alert_knows_the_job_that_prometheus_makes_of_the_pods(
    resources: dict[str, Resource], pod: Resource
) -> None:
    job = pod["metadata"]["labels"][resources["PodMonitor"]["spec"]["jobLabel"]]
    assert f'up{{job="{job}"}} == 0' == INSTANCE_GONE


def test_the_way_in_shows_devices_and_neither_metrics_nor_probes(
    resources: dict[str, Resource],
) -> None:
    (rule,) = resources["Ingress"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    backend = path["backend"]["service"]
    assert path["path"] == "/devices"
    assert backend["name"] == resources["Service"]["metadata"]["name"]
    assert backend["port"]["name"] == resources["Service"]["spec"]["ports"][0]["name"]
    assert rule["host"] in resources["Ingress"]["spec"]["tls"][0]["hosts"]


def test_one_pod_may_go_without_the_service_going(resources: dict[str, Resource]) -> None:
    assert resources["HorizontalPodAutoscaler"]["spec"]["minReplicas"] >= 2
    assert resources["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert resources["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
