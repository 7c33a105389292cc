# The packages that run: without those that only develop, and without the Node that npm ci brings to machines with an older one.
FROM node:26-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
# Readable for everybody, whatever the checkout's own modes are.
COPY --chmod=755 package.json ./
COPY --chmod=755 public ./public
COPY --chmod=755 views ./views
COPY --chmod=755 src ./src

# Nothing is written to disk: the file system may be read-only.
USER node
EXPOSE 3000
# Alive, not ready: while Redis is away a restart would not help.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
