# Two stages: the first builds one bundle, the second holds Node, the bundle and the rule. Nothing else runs in the
# image: no shell, no package manager, no tclsh (the rule is interpreted by the BIG-IP).
FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
COPY irules irules
COPY deploy/bundle.mjs deploy/stable-sbom.mjs deploy/
# The same sources give the same bytes: the lock file pins what goes in, and neither output tells the time.
RUN npm run bundle && npm run --silent sbom

FROM gcr.io/distroless/nodejs22-debian12:nonroot
WORKDIR /app
COPY --from=build /build/dist /app
COPY --from=build /build/package.json /app/package.json
COPY --from=build /build/irules /app/irules
COPY LICENSE /app/LICENSE
USER 65532:65532
# Memory rather than speed: the program mostly waits for devices. Node frees what it can all the sooner, and the C
# library gives back what is free instead of keeping it for later.
ENV MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=16384 \
    MALLOC_TRIM_THRESHOLD_=65536 \
    MALLOC_TOP_PAD_=65536
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=1", "--heap-growing-percent=10", "/app/bigip-mesh.js"]
CMD ["--help"]
