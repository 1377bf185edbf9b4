"""The Kubernetes manifests, as kubectl's own Kustomize puts them together."""

from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.programs import DEPLOY, output_of, settings_in

OLDEST_KUBERNETES = "1.30"  # has all that is used: a preStop that sleeps

Resource = dict[str, Any]


def rendered(folder: str) -> dict[str, Resource]:
    """The resources of a kustomization, by kind; there is one of each, but for the dashboard."""
    documents = yaml.safe_load_all(
        output_of("kubectl", "kustomize", DEPLOY / "kubernetes" / folder)
    )
    return {
        "Dashboard" if "grafana_dashboard" in it["metadata"].get("labels", {}) else it["kind"]: it
        for it in documents
    }


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    """All resources of the example, which has the base and the monitoring in it."""
    return rendered("example")


@pytest.fixture(scope="module")
def pod(resources: dict[str, Resource]) -> Resource:
    """The pods' template, with their only container as `container`."""
    template: Resource = resources["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return {**template, "container": container}


def test_every_resource_satisfies_kubernetes_schema(resources: dict[str, Resource]) -> None:
    for kind in resources.keys() - {"PodMonitor", "PrometheusRule"}:
        kubernetes_validate.validate(resources[kind], OLDEST_KUBERNETES, strict=True)


def test_base_alone_names_no_environment() -> None:
    base = rendered("base")
    assert not base.keys() & {"Namespace", "Ingress", "PodMonitor", "PrometheusRule"}
    assert "COGNITO_USER_POOL_ID" not in base["ConfigMap"]["data"]


def test_pods_satisfy_the_restricted_security_standard(pod: Resource) -> None:
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    context = pod["container"]["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_settings_start_the_service_where_ports_and_probes_are_and_let_the_longest_call_end(
    resources: dict[str, Resource], pod: Resource
) -> None:
    container = pod["container"]
    config_map, _ = container["envFrom"]
    assert config_map["configMapRef"]["name"] == resources["ConfigMap"]["metadata"]["name"]
    settings = settings_in(resources["ConfigMap"]["data"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": settings.port, "metrics": settings.metrics_port}
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    asked = [container[probe]["httpGet"]["path"] for probe in probes]
    assert asked == ["/healthz", "/healthz", "/readyz"]  # alive without Cognito
    before_sigterm = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert settings.graceful_timeout > settings.forget_deadline + settings.cognito_deadline
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    assert grace > before_sigterm + settings.graceful_timeout


def test_everything_that_selects_pods_or_ports_selects_these(
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
    ports = {port["name"] for port in pod["container"]["ports"]}
    let_in = {port["port"] for rule in spec["NetworkPolicy"]["ingress"] for port in rule["ports"]}
    assert let_in == ports
    assert spec["Service"]["ports"][0]["targetPort"] in ports
    # Alerts select the job by this name.
    assert pod["metadata"]["labels"][spec["PodMonitor"]["jobLabel"]] == "device-bff"
    assert spec["PodMonitor"]["podMetricsEndpoints"][0]["port"] in ports


def test_monitoring_has_the_alerts_and_the_dashboard(resources: dict[str, Resource]) -> None:
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    rule = yaml.safe_load((DEPLOY / "kubernetes/monitoring/prometheus-rule.yaml").read_text())
    assert rule["spec"] == alerts, "copy them: prometheus-rule.yaml says how"
    assert resources["PrometheusRule"]["metadata"]["name"] == rule["metadata"]["name"]
    (dashboard,) = resources["Dashboard"]["data"].values()
    assert dashboard == (DEPLOY / "grafana" / "dashboard.json").read_text()


def test_ingress_shows_the_api_and_neither_metrics_nor_probes(
    resources: dict[str, Resource],
) -> None:
    service = resources["Service"]
    port = {"name": service["spec"]["ports"][0]["name"]}
    (rule,) = resources["Ingress"]["spec"]["rules"]
    paths = {path["path"]: path["backend"]["service"] for path in rule["http"]["paths"]}
    backend = {"name": service["metadata"]["name"], "port": port}
    assert paths == dict.fromkeys(("/devices", "/sessions"), backend)
