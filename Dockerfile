# The packages needed at run time: no development packages, and not the copy of Node that npm ci installs on machines with an older one.
FROM node:26-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional

FROM node:26-slim AS server
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
# Readable by every user, whatever the modes of the checkout.
COPY --chmod=755 package.json ./
COPY --chmod=755 public ./public
COPY --chmod=755 views ./views
COPY --chmod=755 src ./src

# Nothing is written to disk, so the file system may be read-only.
USER node
EXPOSE 3000
# Liveness, not readiness: a restart would not help while Redis is down.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# See "Memory" in docs/decisions/2026-11-28-exports.md.
ENV NODE_OPTIONS=--max-semi-space-size=4
CMD ["node", "src/main.ts"]

# The demo: the server together with the simulator that stands in for Spotify.
FROM server AS demo
COPY --chmod=755 simulator ./simulator
COPY --chmod=755 dev ./dev
CMD ["node", "dev/demo.ts"]

# The default target: a build without --target is the server alone.
FROM server
