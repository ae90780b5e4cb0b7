# The server of AgeLens, for machines that serve others:
#
#   docker build -t agelens .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:8000:8000 -e AGELENS_API_KEY=... agelens
#
# Nothing is written, so that the disk of the container may be read-only.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/agelens \
    && /opt/agelens/bin/pip install --no-cache-dir --disable-pip-version-check ".[serve,heic]"

FROM python:3.12-slim
LABEL org.opencontainers.image.title="AgeLens" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="Age and gender of faces in photographs; for research only"
RUN useradd --system --uid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin agelens
COPY --from=build /opt/agelens /opt/agelens
ENV PATH=/opt/agelens/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/health', timeout=4)"]
ENTRYPOINT ["agelens", "serve", "--host", "0.0.0.0", "--port", "8000", "--no-cache", "--grace", "20"]
