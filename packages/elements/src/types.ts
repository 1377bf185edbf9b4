/** What the elements and the page around them tell each other. */
import type { Challenge, DeviceBffError } from "@device-bff/client";

/** Both lists, or one of them. */
export type View = "all" | "devices" | "sessions";

export type Change = "remembered" | "not-remembered" | "forgotten" | "ended" | "signed-out";

/** The detail of `changed`: what was done, to which devices or sessions. */
export interface Changed {
  change: Change;
  ids: string[];
}

/** The detail of `problem`, which the user has been told. */
export type ReportedProblem = Pick<DeviceBffError, "code" | "requestId" | "outcome">;

/** The detail of `reauthenticate`: what the access token lacks, and where to tell of a new one. */
export interface Reauthenticate extends Challenge {
  /** Tell when the user has signed in again; false: the user declined. The call is then repeated. */
  waitUntil(signedIn: Promise<boolean | void>): void;
}

/** The events of the elements, besides those of every element. They bubble out of shadow roots. */
export interface Events {
  "session-ended": CustomEvent<null>;
  reauthenticate: CustomEvent<Reauthenticate>;
  changed: CustomEvent<Changed>;
  problem: CustomEvent<ReportedProblem>;
}
