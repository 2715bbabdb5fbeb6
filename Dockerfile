# The reference server.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY libs/mcp-sessions/package.json libs/mcp-sessions/
RUN npm ci
COPY tsconfig.json tsconfig.build.json nest-cli.json ./
COPY libs libs
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:22-slim
ENV NODE_ENV=production PORT=3000 HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/libs libs
COPY --from=build /app/dist dist
USER node
EXPOSE 3000
# Any answer will do, a refusal included: it says that the server is listening.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/`).catch(() => process.exit(1))"]
CMD ["node", "dist/main.js"]
