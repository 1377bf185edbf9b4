import { h, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Events, YourDevicesElement } from "@device-bff/elements";
import { accessToken } from "../auth";
import type { Config, Pool } from "../config";
import { SignIn } from "./SignIn";

interface Props {
  config: Config;
  pool: Pool;
  user: string;
  /** Sign out of this browser, and say why at the sign-in. */
  onLeave: (why: string | null) => Promise<void>;
}

/** The page of somebody who is signed in: `<your-devices>`, and what it asks of the page. */
export function Account({ config, pool, user, onLeave }: Props) {
  const element = useRef<YourDevicesElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [answer, setAnswer] = useState<((signedIn: boolean) => void) | null>(null);

  useEffect(() => {
    document.title = "Your devices";
    heading.current?.focus();
    const it = element.current!;
    let signedOut = false;
    const onChanged = ({ detail }: Events["changed"]) => {
      signedOut = detail.change === "signed-out";
    };
    const onEnded = () =>
      void onLeave(
        signedOut
          ? "You are signed out everywhere."
          : "Your session has ended. Sign in again to go on.",
      );
    const onReauthenticate = ({ detail }: Events["reauthenticate"]) => {
      detail.waitUntil(new Promise((resolve) => setAnswer(() => resolve)));
    };
    it.addEventListener("changed", onChanged);
    it.addEventListener("session-ended", onEnded);
    it.addEventListener("reauthenticate", onReauthenticate);
    it.getAccessToken = ({ forceRefresh }) => accessToken(forceRefresh);
  }, []);

  const settle = (signedIn: boolean) => {
    answer?.(signedIn);
    setAnswer(null);
  };

  return (
    <>
      <header class="bar">
        <div class="bar-inner">
          <img src="/icon.svg" alt="" width="28" height="28" />
          <span class="brand">Your account</span>
          <span class="user" title={user}>
            {user}
          </span>
          <button type="button" onClick={() => void onLeave(null)}>
            Sign out
          </button>
        </div>
      </header>
      <main class="page">
        <div class="intro">
          <h1 ref={heading} tabIndex={-1}>
            Your devices
          </h1>
          <p>
            The devices you sign in with, and where you are signed in. Something here is not yours?
            Forget it, end its session, and change your password.
          </p>
        </div>
        {h("your-devices", { ref: element, "base-url": pool.apiUrl })}
      </main>
      {answer && (
        <Dialog onClose={() => settle(false)}>
          <SignIn
            config={config}
            pool={pool}
            user={user}
            notice="For this, please confirm that it is you."
            onPool={() => undefined}
            onSignedIn={() => settle(true)}
          />
        </Dialog>
      )}
    </>
  );
}

function Dialog({ onClose, children }: { onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="card" aria-labelledby="sign-in" onClose={onClose}>
      {children}
      <button type="button" class="plain" onClick={() => dialog.current?.close()}>
        Cancel
      </button>
    </dialog>
  );
}
