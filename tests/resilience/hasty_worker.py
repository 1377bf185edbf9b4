"""The service's own worker, less patient with its callers."""

from app import server

REQUEST_SECONDS = 1.0
HASTY = {"GUNICORN_CMD_ARGS": f"--worker-class {__name__}.HastyWorker"}


class HastyWorker(server.Worker):
    def init_process(self) -> None:
        server.REQUEST_SECONDS = server.ANSWER_SECONDS = REQUEST_SECONDS
        super().init_process()
