"""The service's own worker, less patient with its callers."""

from app import server

server.REQUEST_SECONDS = 1.0
server.ANSWER_SECONDS = 1.0
Worker = server.Worker
