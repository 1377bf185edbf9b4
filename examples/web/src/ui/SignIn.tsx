import { Fragment, type ComponentChildren, type TargetedSubmitEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { confirmTotp, isSignInOver, signIn, signInError, usePool, type SignInStep } from "../auth";
import type { Config, Demo, Pool } from "../config";

interface Props {
  config: Config;
  pool: Pool;
  /** Who signs in again, where it must be the same user. */
  user?: string;
  /** Why the user is here again, if there is something to say. */
  notice: string | null;
  onPool: (pool: Pool) => void;
  onSignedIn: () => void;
}

export function SignIn({ config, pool, user, notice, onPool, onSignedIn }: Props) {
  const [step, setStep] = useState<"password" | "totp">("password");
  const [username, setUsername] = useState(user ?? "");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const firstField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (user === undefined) document.title = "Sign in";
  }, [user]);
  useEffect(() => {
    const isKnown = user !== undefined && step === "password";
    (isKnown ? passwordField : firstField).current?.focus();
  }, [user, step]);

  const take = async (attempt: () => Promise<SignInStep>) => {
    setBusy(true);
    setError(null);
    try {
      const next = await attempt();
      if (next === "done") return onSignedIn();
      if (next === "totp") return setStep("totp");
      setError("This account signs in with a method that this page does not offer.");
    } catch (failure) {
      setCode("");
      if (step === "totp" && isSignInOver(failure)) {
        setStep("password");
        setError("That took too long. Sign in again.");
      } else {
        setError(signInError(failure));
        (passwordField.current ?? firstField.current)?.select();
      }
    } finally {
      setBusy(false);
    }
  };

  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    usePool(pool);
    void take(() => (step === "password" ? signIn(username.trim(), password) : confirmTotp(code)));
  };

  const startAnew = () => {
    setStep("password");
    setCode("");
    setError(null);
  };

  const useDemo = async ({ codeUrl, ...demo }: Demo) => {
    if (step === "password") {
      setUsername(demo.username);
      setPassword(demo.password);
      return;
    }
    try {
      const answer = await fetch(codeUrl, {
        method: "POST",
        body: JSON.stringify({ username: demo.username, pool: pool.userPoolId }),
      });
      const { code, error } = (await answer.json()) as { code?: string; error?: string };
      setCode(code ?? "");
      setError(error ?? null);
    } catch (failure) {
      setError(signInError({ ...(failure as Error), name: "NetworkError" }));
    }
  };

  return (
    <Frame dialog={user !== undefined}>
      <form class={user === undefined ? "card sign-in" : "sign-in"} onSubmit={submit} aria-busy={busy}>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1 id="sign-in">
          {step === "totp" ? "Enter your code" : user === undefined ? "Sign in" : "Is it you?"}
        </h1>
        {notice !== null && step === "password" && (
          <p class="note" id="notice">
            {notice}
          </p>
        )}
        {/* The keys: a field of one step must not become a field of the other, with its pattern. */}
        {step === "password" ? (
          <Fragment key="password">
            {config.pools.length > 1 && user === undefined && (
              <fieldset class="choice">
                <legend>User pool</legend>
                {config.pools.map((it) => (
                  <label key={it.label}>
                    <input
                      type="radio"
                      name="pool"
                      checked={it === pool}
                      onChange={() => onPool(it)}
                    />
                    <span>{it.label}</span>
                  </label>
                ))}
              </fieldset>
            )}
            <label class="field" hidden={user !== undefined}>
              User name
              <input
                ref={firstField}
                name="username"
                autocomplete="username"
                autocapitalize="none"
                spellcheck={false}
                required
                aria-describedby={notice === null ? undefined : "notice"}
                value={username}
                onInput={(event) => setUsername(event.currentTarget.value)}
              />
            </label>
            <label class="field">
              Password
              <input
                ref={passwordField}
                name="password"
                type="password"
                autocomplete="current-password"
                required
                value={password}
                onInput={(event) => setPassword(event.currentTarget.value)}
              />
            </label>
          </Fragment>
        ) : (
          <Fragment key="totp">
            <p class="soft" id="code-hint">
              Open your authenticator app and enter the six digits that it shows for this account.
            </p>
            <label class="field">
              Code
              <input
                ref={firstField}
                class="code"
                name="code"
                inputmode="numeric"
                autocomplete="one-time-code"
                pattern="[0-9]{6}"
                title="Six digits"
                maxLength={6}
                required
                aria-describedby="code-hint"
                value={code}
                onInput={(event) => setCode(event.currentTarget.value)}
              />
            </label>
          </Fragment>
        )}
        <p class="form-error" role="alert">
          {error}
        </p>
        <button class="primary" type="submit" disabled={busy}>
          {busy ? "One moment …" : step === "password" ? "Sign in" : "Continue"}
        </button>
        {step === "totp" && (
          <button type="button" class="plain" onClick={startAnew}>
            Back
          </button>
        )}
        {config.demo && (
          <p class="demo">
            <span class="soft">Local demo</span>
            <button type="button" class="plain" onClick={() => void useDemo(config.demo!)}>
              {step === "password" ? "Fill in the demo user" : "Fill in the demo user’s code"}
            </button>
          </p>
        )}
      </form>
    </Frame>
  );
}

/** A page of its own, or the inside of a dialog. */
function Frame({ dialog, children }: { dialog: boolean; children: ComponentChildren }) {
  return dialog ? <div>{children}</div> : <main class="narrow">{children}</main>;
}
