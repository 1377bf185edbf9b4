// A device that signs in with aws-amplify v6.
import { given, items, obey, takeChallenges } from './session.mjs';
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
cognitoUserPoolsTokenProvider.setKeyValueStorage({
  getItem: async key => items.get(key) ?? null,
  setItem: async (key, value) => void items.set(key, value),
  removeItem: async key => void items.delete(key),
  clear: async () => items.clear(),
});

async function signIn() {
  await auth.signOut(); // it refuses a second sign-in; the device's secret outlives this
  takeChallenges();
  const { username, password } = given;
  const { nextStep } = await auth.signIn({ username, password });
  if (nextStep.signInStep === 'CONFIRM_SIGN_IN_WITH_TOTP_CODE') {
    await auth.confirmSignIn({ challengeResponse: await totp(given.totpSecret) });
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

/** Any function of the library, with its one argument; a sign-in's answer is its next step. */
async function call(name, argument) {
  const answer = await auth[name](argument);
  return answer?.nextStep ?? answer;
}

/** What it keeps under a key that ends so: accessToken, refreshToken, deviceKey and so on. */
async function stored(name) {
  return [...items].find(([key]) => key.endsWith(`.${name}`))?.[1];
}

await obey({ signIn, remember: auth.rememberDevice, refresh, call, stored });
