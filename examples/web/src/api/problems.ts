/** A call that failed, by the `code` of its problem, and what a person is told of it. */
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** The service's codes, and one of ours for a call that had no answer. */
export const UNREACHABLE = "unreachable";

export class CallError extends Error {
  constructor(
    readonly code: string,
    /** Seconds to wait, where the service says so. */
    readonly retryAfter: number | null = null,
    /** To quote when asking for help. */
    readonly requestId: string | null = null,
  ) {
    super(code);
    this.name = "CallError";
  }
}

/** The session has ended: only a new sign-in helps. */
export class SessionEnded extends CallError {
  constructor() {
    super("invalid-token");
    this.name = "SessionEnded";
  }
}

interface Words {
  title: string;
  text: string;
  /** What became of a change, if that was the call. */
  change?: string;
  /** Whether trying again may help. */
  retry: boolean;
}

const WORDS: Record<string, Words> = {
  [UNREACHABLE]: {
    title: "You seem to be offline",
    text: "We could not reach the service. Check your connection, then try again.",
    retry: true,
  },
  "rate-limited": {
    title: "That was a bit fast",
    text: "There were too many requests in a short time.",
    retry: true,
  },
  "quota-exceeded": {
    title: "A lot is going on right now",
    text: "The service is busy.",
    change: "Your change was not made.",
    retry: true,
  },
  "upstream-unavailable": {
    title: "Temporarily unavailable",
    text: "The sign-in service is not answering at the moment.",
    retry: true,
  },
  "upstream-timeout": {
    title: "That took too long",
    text: "The sign-in service did not answer in time.",
    change: "Your change may have been made: load the page again to see.",
    retry: true,
  },
  "upstream-error": {
    title: "The sign-in service had a problem",
    text: "This is not your fault.",
    change: "Your change may have been made: load the page again to see.",
    retry: true,
  },
  "insufficient-scope": {
    title: "This sign-in may not see devices",
    text: "The app that you signed in with did not ask for permission to show them.",
    retry: false,
  },
  "user-not-confirmed": {
    title: "Your account is not confirmed",
    text: "Confirm it with the code that was sent to you, then sign in again.",
    retry: false,
  },
  "password-reset-required": {
    title: "Your password must be reset",
    text: "Reset it, then sign in again.",
    retry: false,
  },
  blocked: {
    title: "Your request was blocked",
    text: "A firewall refused it. If you use a VPN or a proxy, try without it.",
    retry: false,
  },
  "device-tracking-unavailable": {
    title: "Devices are not tracked here",
    text: "This account keeps no list of devices.",
    retry: false,
  },
  "session-tracking-unavailable": {
    title: "Sessions are not tracked here",
    text: "We cannot show where you are signed in. “Sign out everywhere” works all the same.",
    retry: false,
  },
  "device-not-found": {
    title: "That device is gone already",
    text: "It was forgotten elsewhere in the meantime.",
    retry: false,
  },
  "no-current-device": {
    title: "This sign-in has no device",
    text: "You signed in through another provider, which has no devices to remember.",
    retry: false,
  },
  "session-not-found": {
    title: "That session has ended already",
    text: "There is nothing left to do.",
    retry: false,
  },
  "current-session": {
    title: "That is the session you are using",
    text: "Use “Sign out” to end it.",
    retry: false,
  },
};

const OTHERWISE: Words = {
  title: "Something went wrong",
  text: "Try again. If it happens again, tell us the reference below.",
  retry: true,
};

export const words = (code: string): Words => WORDS[code] ?? OTHERWISE;
