// A device that signs in with aws-amplify v6.
import { given, obey, takeChallenges } from './session.mjs';
import { Amplify } from 'aws-amplify';
import * as auth from 'aws-amplify/auth';
import { cognitoUserPoolsTokenProvider } from 'aws-amplify/auth/cognito';
import { totp } from './totp.mjs';

Amplify.configure({
  Auth: {
    Cognito: {
      userPoolId: given.poolId,
      userPoolClientId: given.clientId,
      userPoolEndpoint: given.endpoint,
    },
  },
});
const items = new Map();
cognitoUserPoolsTokenProvider.setKeyValueStorage({
  getItem: async key => items.get(key) ?? null,
  setItem: async (key, value) => void items.set(key, value),
  removeItem: async key => void items.delete(key),
  clear: async () => items.clear(),
});

async function signIn() {
  await auth.signOut(); // it lets nobody sign in twice; the device's secret outlives this
  takeChallenges();
  const { username, password } = given;
  const { nextStep } = await auth.signIn({ username, password });
  if (nextStep.signInStep === 'CONFIRM_SIGN_IN_WITH_TOTP_CODE') {
    await auth.confirmSignIn({ challengeResponse: totp(given.totpSecret) });
  }
  // By now it has confirmed the device, if it was a new one.
  const { accessToken } = (await auth.fetchAuthSession()).tokens;
  return {
    challenges: takeChallenges(),
    accessToken: accessToken.toString(),
    deviceKey: accessToken.payload.device_key,
  };
}

/** Whether new tokens came: it drops the old ones when Cognito refuses, and says nothing. */
async function refresh() {
  return Boolean((await auth.fetchAuthSession({ forceRefresh: true })).tokens);
}

await obey({ signIn, remember: auth.rememberDevice, refresh });
