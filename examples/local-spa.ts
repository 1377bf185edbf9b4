import { Amplify } from "aws-amplify";
import { confirmSignIn, fetchAuthSession, signIn } from "aws-amplify/auth";
import { createDeviceBff, SessionEnded, type Device, type DeviceBff } from "@device-bff/client";

/** As `.run/demo.env` has it. In production there is no COGNITO_ENDPOINT_URL. */
export interface Environment {
  COGNITO_USER_POOL_ID: string;
  COGNITO_CLIENT_ID: string;
  COGNITO_ENDPOINT_URL?: string;
  DEVICE_BFF_URL: string;
}

export function connect(env: Environment): DeviceBff {
  Amplify.configure({
    Auth: {
      Cognito: {
        userPoolId: env.COGNITO_USER_POOL_ID,
        userPoolClientId: env.COGNITO_CLIENT_ID,
        ...(env.COGNITO_ENDPOINT_URL && { userPoolEndpoint: env.COGNITO_ENDPOINT_URL }),
      },
    },
  });
  return createDeviceBff({
    baseUrl: env.DEVICE_BFF_URL,
    getAccessToken: async (options) =>
      (await fetchAuthSession(options)).tokens?.accessToken.toString() ?? null,
  });
}

export async function signInAs(
  username: string,
  password: string,
  askForCode: () => Promise<string>,
): Promise<void> {
  const { nextStep } = await signIn({ username, password });
  if (nextStep.signInStep === "CONFIRM_SIGN_IN_WITH_TOTP_CODE") {
    await confirmSignIn({ challengeResponse: await askForCode() });
  }
}

/** The user's devices; null when the session has ended: show the sign-in. */
export async function listDevices(bff: DeviceBff): Promise<Device[] | null> {
  try {
    return await bff.devices.list().all();
  } catch (error) {
    if (error instanceof SessionEnded) return null;
    throw error;
  }
}
