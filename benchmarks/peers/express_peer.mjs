// The service as a team on Express would write it: AWS SDK v3, jose with a token cache, a cluster.
// It maps the same fields, and does nothing of the rest: no limits, no log line, no metrics.
import cluster from "node:cluster";
import http from "node:http";

import {
  CognitoIdentityProviderClient,
  GetDeviceCommand,
  ListDevicesCommand,
  UpdateDeviceStatusCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";

const { COGNITO_ISSUER, COGNITO_CLIENT_IDS, COGNITO_JWKS_URL, COGNITO_ENDPOINT_URL } = process.env;

function device(found, who) {
  const attributes = Object.fromEntries(
    (found.DeviceAttributes ?? []).map((one) => [one.Name, one.Value ?? ""]),
  );
  const {
    device_name: name = null,
    last_ip_used: lastIpAddress = null,
    "dev:device_remembered_status": status = "remembered",
    ...others
  } = attributes;
  return {
    id: found.DeviceKey,
    name,
    displayName: name,
    deviceType: null,
    operatingSystem: null,
    browser: null,
    status,
    current: found.DeviceKey === who.deviceKey,
    lastIpAddress,
    createdAt: found.DeviceCreateDate ?? null,
    lastModifiedAt: found.DeviceLastModifiedDate ?? null,
    lastAuthenticatedAt: found.DeviceLastAuthenticatedDate ?? null,
    attributes: others,
  };
}

function serve() {
  const cognito = new CognitoIdentityProviderClient({
    region: process.env.AWS_REGION,
    endpoint: COGNITO_ENDPOINT_URL,
    credentials: { accessKeyId: "none", secretAccessKey: "none" },
    requestHandler: { httpAgent: new http.Agent({ keepAlive: true, maxSockets: 500 }) },
  });
  const keys = createRemoteJWKSet(new URL(COGNITO_JWKS_URL));
  const verified = new LRUCache({ max: 10_000 });
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "16kb" }));
  app.use(async (request, response, next) => {
    const [scheme, token] = (request.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer") return response.status(401).json({ code: "missing" });
    let claims = verified.get(token);
    if (!claims) {
      try {
        claims = (await jwtVerify(token, keys, { issuer: COGNITO_ISSUER, algorithms: ["RS256"] }))
          .payload;
      } catch {
        return response.status(401).json({ code: "invalid" });
      }
      if (claims.token_use !== "access" || claims.client_id !== COGNITO_CLIENT_IDS)
        return response.status(401).json({ code: "invalid" });
      verified.set(token, claims);
    }
    if (claims.exp < Date.now() / 1000) return response.status(401).json({ code: "expired" });
    request.who = { token, deviceKey: claims.device_key ?? null };
    return next();
  });
  app.get("/devices", async ({ who, query }, response) => {
    const page = await cognito.send(
      new ListDevicesCommand({
        AccessToken: who.token,
        Limit: Number(query.limit ?? 60),
        PaginationToken: query.cursor,
      }),
    );
    response.json({
      items: page.Devices.map((one) => device(one, who)),
      nextCursor: page.PaginationToken ?? null,
      currentDeviceId: who.deviceKey,
    });
  });
  app.get("/devices/current", async ({ who }, response) => {
    const found = await cognito.send(
      new GetDeviceCommand({ AccessToken: who.token, DeviceKey: who.deviceKey }),
    );
    response.json(device(found.Device, who));
  });
  app.patch("/devices/:id", async ({ who, params, body }, response) => {
    await cognito.send(
      new UpdateDeviceStatusCommand({
        AccessToken: who.token,
        DeviceKey: params.id,
        DeviceRememberedStatus: body.status,
      }),
    );
    response.json({ id: params.id, status: body.status, current: params.id === who.deviceKey });
  });
  app.use((error, request, response, _next) => {
    const status = { TooManyRequestsException: 429, NotAuthorizedException: 401 }[error.name];
    response.status(status ?? 502).json({ code: error.name });
  });
  app.listen(Number(process.env.PORT), "127.0.0.1");
}

if (cluster.isPrimary) {
  for (let worker = 0; worker < 2; worker += 1) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.kill("SIGKILL");
    process.exit(0);
  });
} else {
  serve();
}
