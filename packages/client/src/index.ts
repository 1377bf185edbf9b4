import createClient from "openapi-fetch";
import { caller, type Caller, type CallOptions, type DeviceBffOptions } from "./call.js";
import { DeviceBffError, type Problem } from "./errors.js";
import type { components, paths } from "./schema.js";

export type { CallOptions, DeviceBffOptions } from "./call.js";
export {
  DeviceBffError,
  ReauthenticationRequired,
  SessionEnded,
  type Challenge,
  type Outcome,
  type Problem,
} from "./errors.js";

type Schemas = components["schemas"];
export type Device = Schemas["Device"];
export type DevicePage = Schemas["DevicePage"];
export type Session = Schemas["Session"];
export type SessionPage = Schemas["SessionPage"];
export type StatusChange = Schemas["StatusChange"];
export type TrackDevice = Schemas["TrackDevice"];
export type TrackedDevice = Schemas["TrackedDevice"];

/** One of many that was not forgotten or ended, and why. */
export interface Failed {
  id: string;
  problem: Problem;
}

/** Says that the user does not know the device or session: it goes into the service's audit log. */
export interface Reason {
  reason?: "not-mine";
}

interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** All items, page by page as the loop asks for them: `for await (const device of list)`. */
export class List<Item, P extends Page<Item>> implements AsyncIterable<Item> {
  readonly #page: (cursor: string | undefined) => Promise<P>;

  constructor(page: (cursor: string | undefined) => Promise<P>) {
    this.#page = page;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) yield* page.items;
  }

  /** The pages themselves; each page of devices has `currentDeviceId`. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: P = await this.#page(cursor);
      yield page;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Every item. */
  async all(): Promise<Item[]> {
    const items: Item[] = [];
    for await (const item of this) items.push(item);
    return items;
  }
}

/** The devices that the user signs in with. */
export class Devices {
  readonly #api;
  readonly #call: Caller;

  constructor(api: ReturnType<typeof createClient<paths>>, call: Caller) {
    this.#api = api;
    this.#call = call;
  }

  /** The remembered devices. `limit`: how many to a page, 1 to 60. */
  list(options: CallOptions & { limit?: number } = {}): List<Device, DevicePage> {
    const { limit, ...rest } = options;
    return new List((cursor) =>
      this.#call(
        (init) => this.#api.GET("/devices", { params: { query: set({ limit, cursor }) }, ...init }),
        rest,
      ),
    );
  }

  get(id: string, options?: CallOptions): Promise<Device> {
    return this.#call(
      (init) => this.#api.GET("/devices/{id}", { params: { path: { id } }, ...init }),
      options,
    );
  }

  /** The device that signed in; null where the sign-in has none, or Cognito does not list it. */
  async current(options?: CallOptions): Promise<Device | null> {
    try {
      return await this.#call((init) => this.#api.GET("/devices/current", { ...init }), options);
    } catch (error) {
      if (hasCode(error, "no-current-device", "device-not-found")) return null;
      throw error;
    }
  }

  /**
   * Track the device of a sign-in whose result has `NewDeviceMetadata`. Amplify and
   * amazon-cognito-identity-js do this themselves: with them, do not call it. Rejects with
   * `ReauthenticationRequired` without asking: a new sign-in has another device to track.
   */
  track(device: TrackDevice, options?: CallOptions): Promise<TrackedDevice> {
    return this.#call((init) => this.#api.POST("/devices", { body: device, ...init }), options, {
      write: true,
      ofThisSignIn: true,
    });
  }

  /** Let this device stand in for the second factor at the next sign-in. */
  remember(options?: CallOptions): Promise<StatusChange> {
    return this.#setStatus("remembered", undefined, options);
  }

  /** No longer let a device stand in for the second factor: this one, or the one with `id`. */
  stopRemembering(id?: string, options?: CallOptions): Promise<StatusChange> {
    return this.#setStatus("not_remembered", id, options);
  }

  /** Forget one device. One that is gone already counts as forgotten. */
  async forget(id: string, options: CallOptions & Reason = {}): Promise<void> {
    const { reason, ...rest } = options;
    await gone(
      this.#call(
        (init) =>
          this.#api.DELETE("/devices/{id}", {
            params: { path: { id }, query: set({ reason }) },
            ...init,
          }),
        rest,
        { write: true },
      ),
      "device-not-found",
    );
  }

  /** Forget this device. */
  async forgetCurrent(options?: CallOptions): Promise<void> {
    await gone(
      this.#call((init) => this.#api.DELETE("/devices/current", { ...init }), options, {
        write: true,
      }),
      "device-not-found",
    );
  }

  /** Forget all devices but this one. */
  forgetOthers(options?: CallOptions & Reason): Promise<ForgetReport> {
    return this.#forgetMany({ scope: "others" }, options);
  }

  /** Forget all devices, this one last. */
  forgetAll(options?: CallOptions & Reason): Promise<ForgetReport> {
    return this.#forgetMany({ scope: "all" }, options);
  }

  /**
   * Forget the devices whose last sign-in is `days` or more ago, never this one. A phone that only
   * stays signed in may be among them.
   */
  forgetInactive(days: number, options?: CallOptions & Reason): Promise<ForgetReport> {
    return this.#forgetMany({ scope: "inactive", days }, options);
  }

  /** Forget the devices whose `trustExpiresAt` is past, never this one. */
  forgetExpired(options?: CallOptions & Reason): Promise<ForgetReport> {
    return this.#forgetMany({ scope: "expired" }, options);
  }

  #setStatus(
    status: "remembered" | "not_remembered",
    id: string | undefined,
    options: CallOptions | undefined,
  ): Promise<StatusChange> {
    const body = { status };
    return this.#call(
      (init) =>
        id === undefined
          ? this.#api.PATCH("/devices/current", { body, ...init })
          : this.#api.PATCH("/devices/{id}", { params: { path: { id } }, body, ...init }),
      options,
      { write: true },
    );
  }

  #forgetMany(
    which: { scope: "others" | "all" | "inactive" | "expired"; days?: number },
    options: CallOptions & Reason = {},
  ): Promise<ForgetReport> {
    const { reason, ...rest } = options;
    return this.#call(
      (init) =>
        this.#api.DELETE("/devices", { params: { query: { ...which, ...set({ reason }) } }, ...init }),
      rest,
      { write: true, many: true },
    );
  }
}

export interface ForgetReport {
  forgotten: string[];
  failed: Failed[];
}

export interface EndReport {
  ended: string[];
  failed: Failed[];
}

/** The places where the user is signed in, managed login and federated sign-ins included. */
export class Sessions {
  readonly #api;
  readonly #call: Caller;

  constructor(api: ReturnType<typeof createClient<paths>>, call: Caller) {
    this.#api = api;
    this.#call = call;
  }

  list(options?: CallOptions): List<Session, SessionPage> {
    return new List((cursor) =>
      this.#call(
        (init) => this.#api.GET("/sessions", { params: { query: set({ cursor }) }, ...init }),
        options,
      ),
    );
  }

  /**
   * End one session; one that has ended already counts as ended. `linked`: end what came with it,
   * too, or an app whose sign-in page is still signed in is let in again without a password.
   */
  async end(
    id: string,
    options: CallOptions & Reason & { linked?: boolean } = {},
  ): Promise<void> {
    const { linked, reason, ...rest } = options;
    await gone(
      this.#call(
        (init) =>
          this.#api.DELETE("/sessions/{id}", {
            params: { path: { id }, query: set({ linked, reason }) },
            ...init,
          }),
        rest,
        { write: true },
      ),
      "session-not-found",
    );
  }

  /** End all sessions but this one. */
  endOthers(options: CallOptions & Reason = {}): Promise<EndReport> {
    const { reason, ...rest } = options;
    return this.#call(
      (init) =>
        this.#api.DELETE("/sessions", {
          params: { query: { scope: "others", ...set({ reason }) } },
          ...init,
        }),
      rest,
      { write: true, many: true },
    );
  }
}

export interface DeviceBff {
  readonly devices: Devices;
  readonly sessions: Sessions;
  /** Revoke the user's tokens on every device, here too. */
  signOutEverywhere(options?: CallOptions): Promise<void>;
}

/** A client of the service at `options.baseUrl`, for the user whose token `getAccessToken` gives. */
export function createDeviceBff(options: DeviceBffOptions): DeviceBff {
  const api = createClient<paths>({
    baseUrl: options.baseUrl,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  const call = caller(options);
  return {
    devices: new Devices(api, call),
    sessions: new Sessions(api, call),
    async signOutEverywhere(callOptions) {
      await call((init) => api.POST("/devices/sign-out", { ...init }), callOptions, {
        write: true,
      });
    },
  };
}

type Set<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Without the members that are undefined. */
const set = <T extends object>(members: T): Set<T> =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Set<T>;

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof DeviceBffError && codes.includes(error.code);

/** `code` says that it is gone already, which is what was asked for. */
async function gone(call: Promise<unknown>, code: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!hasCode(error, code)) throw error;
  }
}
