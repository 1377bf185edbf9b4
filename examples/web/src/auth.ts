/**
 * Signing in and out with Cognito, by aws-amplify. It tracks this device itself after a sign-in
 * (ConfirmDevice) and sends its key at the next one, so this page never calls `trackDevice`.
 */
import { Amplify } from "aws-amplify";
import * as amplify from "aws-amplify/auth";
import type { Pool } from "./config";

export type SignInStep = "done" | "totp" | "unsupported";

export function usePool(pool: Pool): void {
  const { userPoolId, userPoolClientId, userPoolEndpoint } = pool;
  Amplify.configure({
    Auth: {
      Cognito: {
        userPoolId,
        userPoolClientId,
        ...(userPoolEndpoint === undefined ? {} : { userPoolEndpoint }),
      },
    },
  });
}

/** The user name, or null when nobody is signed in. */
export async function signedInUser(): Promise<string | null> {
  try {
    return (await amplify.getCurrentUser()).username;
  } catch {
    return null;
  }
}

// quoted: sign-in
/** By SRP: the password does not leave the browser. */
export async function signIn(username: string, password: string): Promise<SignInStep> {
  await forgetTokens(); // of a session that has ended: Amplify refuses a sign-in beside it
  return step(await amplify.signIn({ username, password }));
}

export async function confirmTotp(code: string): Promise<SignInStep> {
  return step(await amplify.confirmSignIn({ challengeResponse: code }));
}

function step({ nextStep }: amplify.SignInOutput): SignInStep {
  switch (nextStep.signInStep) {
    case "DONE":
      return "done";
    case "CONFIRM_SIGN_IN_WITH_TOTP_CODE":
      return "totp";
    default:
      return "unsupported";
  }
}

// end
/** Signs out of this session. This browser keeps its device key for the next sign-in. */
export async function forgetTokens(): Promise<void> {
  try {
    await amplify.signOut();
  } catch {
    // Cognito could not be told, but the tokens are gone from this browser.
  }
}

// quoted: access-token
/**
 * The access token; `fresh`: a new one, whatever is left of the old one's time. Null when the
 * session has ended. Throws when Cognito could not be reached.
 */
export async function accessToken(fresh = false): Promise<string | null> {
  const session = await amplify.fetchAuthSession({ forceRefresh: fresh });
  return session.tokens?.accessToken.toString() ?? null;
}

// end
/** What to tell a person when a sign-in failed. */
export function signInError(error: unknown): string {
  const { name, message } = error as Error;
  switch (name) {
    case "NotAuthorizedException":
    case "UserNotFoundException":
      return message.includes("attempts")
        ? "Too many attempts. Wait a moment, then try again."
        : "The user name or the password is wrong.";
    case "CodeMismatchException":
    case "EnableSoftwareTokenMFAException":
      return "That code is wrong. Enter the one that your authenticator app shows now.";
    case "ExpiredCodeException":
      return "That code has been used. Wait for the next one.";
    case "UserNotConfirmedException":
      return "Confirm your account first. The code was sent to you when you signed up.";
    case "PasswordResetRequiredException":
      return "Your password must be reset before you can sign in.";
    case "LimitExceededException":
    case "TooManyRequestsException":
    case "TooManyFailedAttemptsException":
      return "Too many attempts. Wait a moment, then try again.";
    case "NetworkError":
      return "The sign-in service cannot be reached. Check your connection, then try again.";
    default:
      return "Signing in did not work. Try again.";
  }
}

/** The sign-in must start anew: its time is over. */
export function isSignInOver(error: unknown): boolean {
  const { name, message } = error as Error;
  return (
    name === "SignInException" || (name === "NotAuthorizedException" && /session/i.test(message))
  );
}
