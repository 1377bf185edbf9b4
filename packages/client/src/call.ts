import {
  DeviceBffError,
  ReauthenticationRequired,
  SessionEnded,
  type Challenge,
  type Problem,
} from "./errors.js";

export interface DeviceBffOptions {
  /** Where the service is, as `https://devices.example.com`. */
  baseUrl: string;
  /**
   * The signed-in user's Cognito access token; null when nobody is signed in. With `forceRefresh`
   * a new one: the service has refused the last.
   */
  getAccessToken(options: { forceRefresh: boolean }): TokenOrNone | Promise<TokenOrNone>;
  /**
   * Have the user sign in again, then resolve: the call is repeated once, with the access token
   * that `getAccessToken` then gives. Resolve with false when the user declines.
   */
  onReauthenticate?(challenge: Challenge): Promise<boolean | void>;
  /**
   * Milliseconds until a call is given up: 15,000 unless set. Calls over many devices or sessions
   * get 20,000 more, for the service paces them.
   */
  timeout?: number;
  fetch?: typeof fetch;
}

type TokenOrNone = string | null | undefined;

/** For one call. */
export interface CallOptions {
  /** Ends the call. It then rejects with the signal's reason, as `fetch` does. */
  signal?: AbortSignal;
}

interface Init {
  headers: { Authorization: string };
  signal: AbortSignal;
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

export interface Kind {
  /** A lost answer leaves it open whether the call was done. */
  write?: boolean;
  /** Paced by the service: it takes longer. */
  many?: boolean;
  /** About the new device of this very sign-in: another sign-in has another one. */
  ofThisSignIn?: boolean;
}

export type Caller = <T>(
  send: (init: Init) => Promise<Answer<T>>,
  options: CallOptions | undefined,
  kind?: Kind,
) => Promise<T>;

const MANY_MORE = 20_000;
/** Codes of a write whose answer Cognito may have lost after doing it. */
const LOST = ["upstream-timeout", "upstream-error", "internal-error"];

/** Calls with the token; after a refusal that a new token or sign-in can mend, once more. */
export function caller(options: DeviceBffOptions): Caller {
  const { timeout = 15_000, onReauthenticate } = options;

  return async (send, { signal } = {}, kind = {}) => {
    const { write = false, many = false, ofThisSignIn = false } = kind;
    const inTime = () => {
      const end = AbortSignal.timeout(timeout + (many ? MANY_MORE : 0));
      return { end, signal: signal === undefined ? end : AbortSignal.any([signal, end]) };
    };
    let forceRefresh = false;
    let refreshed = false;
    let reauthenticated = false;
    for (;;) {
      const token = await options.getAccessToken({ forceRefresh });
      signal?.throwIfAborted();
      if (!token) throw new SessionEnded("missing-token", "not-done");
      const { end, signal: ended } = inTime();
      let answer;
      try {
        answer = await send({ headers: { Authorization: `Bearer ${token}` }, signal: ended });
      } catch (cause) {
        if (signal?.aborted) throw signal.reason;
        const code = end.aborted ? "timeout" : "unreachable";
        throw new DeviceBffError(code, write ? "unknown" : "not-done", null, null, null, { cause });
      }
      if (answer.response.ok) return answer.data as NonNullable<typeof answer.data>;
      const facts = factsOf(answer, write);
      switch (facts[0]) {
        case "invalid-token":
          if (refreshed) throw new SessionEnded(...facts);
          refreshed = forceRefresh = true;
          break;
        case "reauthentication-required": {
          const challenge = challengeOf(facts[2]);
          if (reauthenticated || ofThisSignIn || !onReauthenticate) {
            throw new ReauthenticationRequired(challenge, ...facts);
          }
          if ((await onReauthenticate(challenge)) === false) {
            throw new ReauthenticationRequired(challenge, ...facts);
          }
          reauthenticated = true;
          forceRefresh = false;
          break;
        }
        default:
          throw new DeviceBffError(...facts);
      }
    }
  };
}

type Facts = [
  code: string,
  outcome: "not-done" | "unknown",
  problem: Problem | null,
  retryAfter: number | null,
  requestId: string | null,
];

function factsOf({ error, response }: Answer<unknown>, write: boolean): Facts {
  const problem = isProblem(error) ? error : null;
  const code = problem?.code ?? `http-${response.status}`;
  // A proxy's 5xx says nothing of what the service did.
  const lost = problem === null ? response.status >= 500 : LOST.includes(code);
  const retryAfter = Number(response.headers.get("Retry-After"));
  return [
    code,
    write && lost ? "unknown" : "not-done",
    problem,
    retryAfter > 0 ? retryAfter : null,
    problem?.requestId ?? response.headers.get("X-Request-ID"),
  ];
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === "object" && body !== null && typeof (body as Problem).code === "string";

/** The members `maxAge` and `acrValues` of a problem. */
function challengeOf(problem: (Problem & Challenge) | null): Challenge {
  const { maxAge, acrValues } = problem ?? {};
  return {
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(acrValues === undefined ? {} : { acrValues }),
  };
}
