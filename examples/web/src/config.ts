/** What the page needs to know, from `/config.json`, so that one build serves every environment. */
export interface Config {
  /** One user pool, or several to choose from at the sign-in. */
  pools: [Pool, ...Pool[]];
  /** On a local set-up: a user that visitors may sign in as. */
  demo?: Demo;
}

export interface Pool {
  /** For the choice at the sign-in. */
  label: string;
  /** Where Device BFF serves this pool, without a path. */
  apiUrl: string;
  userPoolId: string;
  userPoolClientId: string;
  /** Where Cognito is; left out, AWS. */
  userPoolEndpoint?: string;
}

export interface Demo {
  username: string;
  password: string;
  /** A POST of `{username, pool}` there answers `{code}`, in place of an authenticator app. */
  codeUrl: string;
}

export async function loadConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`/config.json: HTTP ${answer.status}`);
  return (await answer.json()) as Config;
}
