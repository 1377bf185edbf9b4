// A device that signs in with amazon-cognito-identity-js.
import { given, items, obey, takeChallenges } from './session.mjs';
import cognito from 'amazon-cognito-identity-js';
import { totp } from './totp.mjs';

// It repeats a refused refresh for six seconds: here the waits between are shorter.
const wait = globalThis.setTimeout;
globalThis.setTimeout = (callback, ms, ...rest) => wait(callback, ms / 50, ...rest);

const Storage = {
  getItem: key => items.get(key) ?? null,
  setItem: (key, value) => void items.set(key, value),
  removeItem: key => void items.delete(key),
  clear: () => items.clear(),
};
const Pool = new cognito.CognitoUserPool({
  UserPoolId: given.poolId,
  ClientId: given.clientId,
  endpoint: given.endpoint,
  Storage,
});
let user;

async function signIn() {
  takeChallenges();
  user = new cognito.CognitoUser({ Username: given.username, Pool, Storage });
  const session = await new Promise((onSuccess, onFailure) => {
    const steps = {
      onSuccess,
      onFailure,
      totpRequired: async kind => user.sendMFACode(await totp(given.totpSecret), steps, kind),
    };
    const { username: Username, password: Password } = given;
    user.authenticateUser(new cognito.AuthenticationDetails({ Username, Password }), steps);
  });
  // By now it has confirmed the device, if it was a new one.
  const token = session.getAccessToken();
  return {
    challenges: takeChallenges(),
    accessToken: token.getJwtToken(),
    deviceKey: token.payload.device_key,
  };
}

const remember = () =>
  new Promise((onSuccess, onFailure) => {
    user.setDeviceStatusRemembered({ onSuccess: () => onSuccess(), onFailure });
  });

/** Whether new tokens came. */
const refresh = () =>
  new Promise((resolve, reject) => {
    user.refreshSession(user.getSignInUserSession().getRefreshToken(), error => {
      if (error && error.code !== 'NotAuthorizedException') reject(error);
      else resolve(!error);
    });
  });

// Each step of a sign-in ends with one of these callbacks; its name and arguments are the answer.
const STEPS = ['mfaRequired', 'totpRequired', 'selectMFAType'];
const step = take =>
  new Promise((resolve, reject) => {
    const answered = name => (...args) => resolve({ step: name, args });
    const callbacks = Object.fromEntries(STEPS.map(name => [name, answered(name)]));
    take({ ...callbacks, onSuccess: () => resolve({ step: 'onSuccess' }), onFailure: reject });
  });

/** Begin a sign-in by that flow. `details`: Username and Password. */
async function begin(flow, details) {
  user = new cognito.CognitoUser({ Username: details.Username, Pool, Storage });
  user.setAuthenticationFlowType(flow);
  return step(steps => user.authenticateUser(new cognito.AuthenticationDetails(details), steps));
}

const sendMFACode = (code, kind) => step(steps => user.sendMFACode(code, steps, kind));
const selectMFAType = kind => step(steps => user.sendMFASelectionAnswer(kind, steps));
const challenges = async () => takeChallenges();

await obey({ signIn, remember, refresh, begin, sendMFACode, selectMFAType, challenges });
