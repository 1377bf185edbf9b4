# The service and nothing else. The tag gets Python's security releases at every rebuild. For
# builds that are the same to the byte, add the digest that your registry shows for it.

FROM python:3.14-slim-trixie AS build
WORKDIR /srv
# Wheels only: nothing is compiled, and no package's code runs while it is installed. The lock is
# complete, so pip need not resolve it again (--no-deps).
RUN --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
    python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --only-binary :all: \
        --no-deps --require-hashes -r /tmp/requirements.txt \
 && pip --python /venv/bin/python check
COPY app app
# The container cannot write bytecode when it runs, so it is made here.
RUN python -m compileall -q app
COPY gunicorn.conf.py deploy/healthcheck.py ./

FROM python:3.14-slim-trixie
COPY --from=build /venv /venv
COPY --from=build /srv /srv
WORKDIR /srv
# Workers keep their metrics in files: in memory, so that the root may be read-only.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/dev/shm \
    HOST=0.0.0.0
EXPOSE 8000
# A number, because Kubernetes' runAsNonRoot cannot judge a name. It owns no file.
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
    CMD ["python", "healthcheck.py"]
CMD ["gunicorn"]
