"""The service's own worker, which waits less long for an answer to be taken."""

from app.http import worker

worker.ANSWER_SECONDS = 2.0
Worker = worker.Worker
