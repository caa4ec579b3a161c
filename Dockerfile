# One image for all functions: docker build -t platxa-functions . && docker run --rm platxa-functions sleep
# The node in the last stage is the one that made the snapshot, which no other takes; both stages have the same C library.
FROM node:26-bookworm-slim AS build
WORKDIR /source
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node local/image/bundle.ts /app
# one file per authority, found by its name when it is needed: a single file would be read whole by every process
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && cp -rL /etc/ssl/certs /authorities

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app /app
COPY --from=build /authorities /etc/ssl/certs
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-semi-space-size=1 --max-old-space-size=64 --v8-pool-size=1 --use-openssl-ca" \
    SSL_CERT_DIR=/etc/ssl/certs \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
    MALLOC_ARENA_MAX=1
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node", "--snapshot-blob", "/app/functions.blob"]
