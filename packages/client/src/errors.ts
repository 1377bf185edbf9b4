import type { components } from "./schema.js";

export type Problem = components["schemas"]["Problem"];

/**
 * What became of the call. `not-done`: nothing was changed. `unknown`: the answer to a write was
 * lost, and it may have been done; load the list again before you offer to repeat it.
 */
export type Outcome = "not-done" | "unknown";

/** What the access token lacks: RFC 9470. Each member only where the service asks for it. */
export interface Challenge {
  /** Seconds that may have passed since the user signed in. */
  maxAge?: number;
  /** One of these `acr` values is enough. */
  acrValues?: readonly string[];
}

/** A call that failed. Branch on `code`; its values are those of the service, and two of our own. */
export class DeviceBffError extends Error {
  override name = "DeviceBffError";

  constructor(
    /**
     * The problem's `code`. `unreachable`: no answer came. `timeout`: none came in time. For an
     * answer that is no problem of the service's, as a proxy's error page: `http-502` and the like.
     */
    readonly code: string,
    readonly outcome: Outcome,
    /** The problem as the service sent it; null where it sent none. */
    readonly problem: Problem | null = null,
    /** Seconds to wait before trying again, where the service says so. */
    readonly retryAfter: number | null = null,
    /** Finds the call in the service's log: show it to whoever asks for help. */
    readonly requestId: string | null = null,
    options?: ErrorOptions,
  ) {
    super(problem?.detail ?? code, options);
  }
}

/** The user is signed out: there is no access token that the service accepts. Sign in again. */
export class SessionEnded extends DeviceBffError {
  override name = "SessionEnded";
}

/** The user has to sign in again for this call, and did not, or not well enough. */
export class ReauthenticationRequired extends DeviceBffError {
  override name = "ReauthenticationRequired";

  constructor(
    readonly challenge: Challenge,
    ...of: ConstructorParameters<typeof DeviceBffError>
  ) {
    super(...of);
  }
}
