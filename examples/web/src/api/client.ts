/** Device BFF, called through the client that is generated from its contract. */
import createClient from "openapi-fetch";
import { accessToken } from "../auth";
import type { components, paths } from "./schema";
import { CallError, SessionEnded, UNREACHABLE, type Problem } from "./problems";

export type Device = components["schemas"]["Device"];
export type Session = components["schemas"]["Session"];
export type DeviceStatus = components["schemas"]["StatusUpdate"]["status"];

export interface Devices {
  items: Device[];
  /** This device, also where Cognito does not list it. Null: the sign-in has no device. */
  currentDeviceId: string | null;
}

/** How many of the devices or sessions could not be ended with the rest. */
export interface Report {
  done: string[];
  failed: number;
}

interface Result<T> {
  data?: T;
  error?: Problem;
  response: Response;
}

const GONE = ["device-not-found", "session-not-found"];

export class DeviceBff {
  readonly #client;

  constructor(apiUrl: string) {
    this.#client = createClient<paths>({ baseUrl: apiUrl, fetch: withToken });
  }

  async devices(): Promise<Devices> {
    const items: Device[] = [];
    let cursor: string | null = null;
    for (;;) {
      const query: { cursor?: string } = cursor === null ? {} : { cursor };
      const page = await answer(this.#client.GET("/devices", { params: { query } }));
      items.push(...page.items);
      cursor = page.nextCursor;
      if (cursor === null) return { items, currentDeviceId: page.currentDeviceId };
    }
  }

  async sessions(): Promise<Session[]> {
    const items: Session[] = [];
    let cursor: string | null = null;
    for (;;) {
      const query: { cursor?: string } = cursor === null ? {} : { cursor };
      const page = await answer(this.#client.GET("/sessions", { params: { query } }));
      items.push(...page.items);
      cursor = page.nextCursor;
      if (cursor === null) return items;
    }
  }

  /** Whether this device may stand in for the second factor. */
  async setCurrentStatus(status: DeviceStatus): Promise<void> {
    await answer(this.#client.PATCH("/devices/current", { body: { status } }));
  }

  async forget(id: string): Promise<void> {
    await gone(this.#client.DELETE("/devices/{id}", { params: { path: { id } } }));
  }

  async forgetOthers(): Promise<Report> {
    const query = { scope: "others" } as const;
    const report = await answer(this.#client.DELETE("/devices", { params: { query } }));
    return { done: report.forgotten, failed: remaining(report.failed) };
  }

  /**
   * With what is linked to it: an app whose sign-in page is still signed in would be let in again
   * without a password.
   */
  async endSession(id: string): Promise<void> {
    const params = { path: { id }, query: { linked: true } };
    await gone(this.#client.DELETE("/sessions/{id}", { params }));
  }

  async endOtherSessions(): Promise<Report> {
    const query = { scope: "others" } as const;
    const report = await answer(this.#client.DELETE("/sessions", { params: { query } }));
    return { done: report.ended, failed: remaining(report.failed) };
  }

  /** Every session, this one too. */
  async signOutEverywhere(): Promise<void> {
    await answer(this.#client.POST("/devices/sign-out"));
  }
}

/** What could not be ended is still there, unless the reason is that it is not. */
function remaining(failed: readonly { problem: Problem }[]): number {
  return failed.filter(({ problem }) => !GONE.includes(problem.code)).length;
}

// quoted: with-token
/** Each call with the access token. After a 401 it is refreshed, once. */
async function withToken(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await send(request, await accessToken());
  if (response.status !== 401) return response;
  const retried = await send(again, await accessToken(true));
  if (retried.status === 401) throw new SessionEnded();
  return retried;
}

async function send(request: Request, token: string | null): Promise<Response> {
  if (token === null) throw new SessionEnded();
  request.headers.set("Authorization", `Bearer ${token}`);
  return fetch(request);
}

// end
async function answer<T>(call: Promise<Result<T>>): Promise<T> {
  let result: Result<T>;
  try {
    result = await call;
  } catch (error) {
    throw error instanceof CallError ? error : new CallError(UNREACHABLE);
  }
  const { data, error, response } = result;
  if (response.ok) return data as T;
  const retryAfter = Number(response.headers.get("Retry-After"));
  // A proxy's own error page is no problem of the service's.
  throw new CallError(
    error?.code ?? "unknown",
    retryAfter > 0 ? retryAfter : null,
    error?.requestId ?? response.headers.get("X-Request-ID"),
  );
}

/** As `answer`; gone already is as good as gone. */
async function gone<T>(call: Promise<Result<T>>): Promise<void> {
  try {
    await answer(call);
  } catch (error) {
    if (!(error instanceof CallError && GONE.includes(error.code))) throw error;
  }
}
