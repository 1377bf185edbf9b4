"""Whether anybody still waits for an answer."""

import select
from typing import Any

from gevent import monkey

# gevent's own would go through its event loop, to learn what is known at once.
_poll = monkey.get_original("select", "poll")
_HUNG_UP = getattr(select, "POLLRDHUP", 0)
"""Linux tells it even while there are bytes to read; elsewhere nobody is taken for gone."""


def hung_up(sock: Any) -> bool:
    """Whether the other side has closed its connection, or at least its own half, as proxies take
    for the same."""
    poll = _poll()
    poll.register(sock, _HUNG_UP)
    return bool(poll.poll(0))
