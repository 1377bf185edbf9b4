"""Every kind of Redis that REDIS_URL may name counts for all; real servers, each."""

import gc
from pathlib import Path

import pytest
import structlog
import trustme
from limits import parse

from app import counters
from app.counters import Counters
from tests.redis_server import running_cluster, running_redis, running_sentinel

LIMIT = parse("5 per hour")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be busy."""
    monkeypatch.setattr(counters, "TIMEOUT", 20.0)
    monkeypatch.setattr(counters, "CONNECT_TIMEOUT", 20.0)
    monkeypatch.setattr(counters, "PAUSE", 0.0)


def count_for_all(url: str) -> None:
    """Two processes count together, whichever node holds a key."""
    one, other = Counters(url), Counters(url)
    for key in ("ana", "bob", "cem", "dee", "eli"):
        left = [counters.hit(LIMIT, key).remaining for counters in (one, other, one)]
        assert left == [4, 3, 2]


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_server_alone(scheme: str) -> None:
    with running_redis() as server:
        count_for_all(f"{scheme}://127.0.0.1:{server.port}/0")


def test_a_cluster() -> None:
    with running_cluster() as nodes:
        count_for_all(f"redis+cluster://127.0.0.1:{nodes[0].port},127.0.0.1:{nodes[1].port}")


def test_a_cluster_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ElastiCache Serverless always is."""
    authority, trust = trustme.CA(), str(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(trust)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "node.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", trust)
    node = str(tmp_path / "node.pem")
    tls = ("--tls-cert-file", node, "--tls-key-file", node, "--tls-ca-cert-file", trust)
    options = (*tls, "--tls-cluster", "yes", "--tls-auth-clients", "no")
    with running_cluster(*options, client=("--tls", "--cacert", trust)) as nodes:
        count_for_all(f"rediss+cluster://127.0.0.1:{nodes[0].port}")


@pytest.mark.parametrize("scheme", ["redis+sentinel", "valkey+sentinel"])
def test_what_a_sentinel_names(scheme: str) -> None:
    with running_redis() as primary, running_sentinel(primary) as sentinel:
        count_for_all(f"{scheme}://127.0.0.1:{sentinel.port}/primary")


def test_after_a_failover_the_old_primary_is_left() -> None:
    """It becomes a replica and keeps its connections: every write is refused on them."""
    with running_redis() as old:
        shared = Counters(old.url)
        assert shared.hit(LIMIT, "ana").remaining == 4
        old.ask("REPLICAOF", "127.0.0.1", "1")
        with structlog.testing.capture_logs() as logged:
            assert shared.hit(LIMIT, "ana").remaining == 4, "counted here"
        assert logged[0]["error"] == "ReadOnlyError"
        gc.collect()
        clients = old.ask("CLIENT", "LIST", "TYPE", "NORMAL")
        assert clients.count("cmd=") == 1, "redis-cli's own is left, and none of ours"
        old.ask("REPLICAOF", "NO", "ONE")
        assert [shared.hit(LIMIT, "bob").remaining for _ in range(2)] == [4, 3]


def test_one_node_of_a_cluster_says_what_to_write() -> None:
    with running_cluster() as nodes, structlog.testing.capture_logs() as logged:
        alone = Counters(nodes[0].url)
        for number in range(20):
            alone.hit(LIMIT, f"somebody {number}")
    assert "write redis+cluster://" in logged[0]["hint"]


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster", "rediss+cluster", "redis+sentinel"])
def test_any_of_them_may_be_away_at_the_start(scheme: str) -> None:
    away = Counters(f"{scheme}://127.0.0.1:1/primary")
    assert [away.hit(LIMIT, "ana").remaining for _ in range(2)] == [4, 3]


def test_these_rights_are_enough() -> None:
    """docs/settings.md names them."""
    rights = ["+get", "+ttl", "+incrby", "+expire", "+eval", "+evalsha", "+script|load"]
    with running_redis() as server:
        server.ask("ACL", "SETUSER", "bff", "on", ">pass", "~LIMITS:*", *rights)
        with structlog.testing.capture_logs() as logged:
            count_for_all(f"redis://bff:pass@127.0.0.1:{server.port}/0")
        assert logged == []
