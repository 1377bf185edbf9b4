"""The server's parts, as far as no request shows them."""

import gevent
from gevent.pool import Pool

from app.server import Server


def test_the_more_callers_there_are_the_more_are_let_in_at_once() -> None:
    """And one at a time while there are none, so that workers share them."""
    pool = Pool(100)
    server = Server(("127.0.0.1", 0), lambda *caller: None, spawn=pool)
    assert server.max_accept == 1
    for _ in range(40):
        pool.spawn(gevent.sleep)
    assert server.max_accept > 4
    pool.kill()
    assert server.max_accept == 1
