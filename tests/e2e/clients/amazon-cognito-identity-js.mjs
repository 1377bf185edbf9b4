// A device that signs in with amazon-cognito-identity-js.
import { given, obey, takeChallenges } from './session.mjs';
import cognito from 'amazon-cognito-identity-js';
import { totp } from './totp.mjs';

// It repeats a refused refresh for six seconds. The repeats are left to it, the waits are not.
const wait = globalThis.setTimeout;
globalThis.setTimeout = (callback, ms, ...rest) => wait(callback, ms / 50, ...rest);

const items = new Map();
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
      totpRequired: kind => user.sendMFACode(totp(given.totpSecret), steps, kind),
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

await obey({ signIn, remember, refresh });
