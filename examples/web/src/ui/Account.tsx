import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Device, DeviceBff, Devices, Session } from "../api/client";
import { CallError, SessionEnded, words } from "../api/problems";
import { isDeclined, setDeclined } from "../declined";
import { DeviceList, listed, nameOf, otherDevices } from "./DeviceList";
import { Confirmation, Facts, Failure, Skeleton, Toast, type Message, type Question } from "./parts";
import { appOf, placeOf, SessionList } from "./SessionList";
import { useLoaded } from "./useLoaded";

interface Props {
  bff: DeviceBff;
  user: string;
  /** Sign out of this browser, and say why at the sign-in. */
  onLeave: (why: string | null) => Promise<void>;
}

export function Account({ bff, user, onLeave }: Props) {
  const [message, setMessage] = useState<Message | null>(null);
  const [question, setQuestion] = useState<Question | null>(null);
  const [busy, setBusy] = useState(false);
  const [answered, setAnswered] = useState(false);
  const known = useRef<Device | undefined>(undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  const devicesHeading = useRef<HTMLHeadingElement>(null);
  const sessionsHeading = useRef<HTMLHeadingElement>(null);
  const online = useOnline();

  const ended = useCallback(
    () => void onLeave("Your session has ended. Sign in again to go on."),
    [onLeave],
  );
  const loadDevices = useCallback(() => bff.devices(), [bff]);
  const loadSessions = useCallback(() => bff.sessions(), [bff]);
  const devices = useLoaded<Devices>(loadDevices, ended);
  const sessions = useLoaded<Session[]>(loadSessions, ended);

  useEffect(() => {
    document.title = "Your devices";
    heading.current?.focus();
  }, []);

  // For a button that is about to go, so that the focus does not go with it.
  const toDevices = () => devicesHeading.current?.focus({ preventScroll: true });
  const toSessions = () => sessionsHeading.current?.focus({ preventScroll: true });

  /** Runs a change; false, and a message, when it failed. */
  const attempt = async (change: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setMessage(null);
    try {
      await change();
      return true;
    } catch (error) {
      if (error instanceof SessionEnded) {
        ended();
        return false;
      }
      const { code, retryAfter } = error instanceof CallError ? error : new CallError("unknown");
      const { title, text, change: outcome } = words(code);
      const wait = retryAfter === null ? null : `Try again in ${plural(retryAfter, "second")}.`;
      const sentences = [`${title}.`, text, outcome, wait].filter(Boolean);
      setMessage({ text: sentences.join(" "), alert: true });
      return false;
    } finally {
      setBusy(false);
    }
  };

  const remember = async (id: string, yes: boolean, undoable = true) => {
    const before = devices.loaded.state === "ready" ? listed(devices.loaded.data) : undefined;
    known.current = before ?? known.current;
    const done = await attempt(() => bff.setCurrentStatus(yes ? "remembered" : "not_remembered"));
    if (!done) return;
    setDeclined(id, !yes); // whoever stops remembering it need not be asked at each sign-in
    setAnswered(true);
    await devices.reload(true);
    const text = yes
      ? "This device is remembered. The next sign-in here needs no code."
      : "This device is no longer remembered. The next sign-in here asks for a code.";
    const undo = () => {
      toDevices();
      void remember(id, !yes, false);
    };
    setMessage(undoable ? { text, undo } : { text });
  };

  const forget = (device: Device) =>
    setQuestion({
      title: `Forget “${nameOf(device)}”?`,
      text: (
        <>
          <p>
            It leaves this list, and the next sign-in there asks for a code from your authenticator
            app again.
          </p>
          <p>
            It is signed out when its access runs out, within an hour. To sign it out at once, end
            its session under “Where you’re signed in”.
          </p>
        </>
      ),
      action: "Forget device",
      run: async () => {
        if (!(await attempt(() => bff.forget(device.id)))) return null;
        devices.change((now) => ({ ...now, items: now.items.filter((it) => it.id !== device.id) }));
        setMessage({ text: `“${nameOf(device)}” is forgotten.` });
        return devicesHeading.current;
      },
    });

  const forgetOthers = (count: number) =>
    setQuestion({
      title: count === 1 ? "Forget the other device?" : `Forget all ${count} other devices?`,
      text:
        count === 1 ? (
          <p>
            Only this device stays. The next sign-in on the other one asks for a code again, and it
            is signed out when its access runs out, within an hour.
          </p>
        ) : (
          <p>
            Only this device stays. The next sign-in on each of the others asks for a code again,
            and they are signed out when their access runs out, within an hour.
          </p>
        ),
      action: count === 1 ? "Forget device" : "Forget all others",
      run: async () => {
        let failed = 0;
        const done = await attempt(async () => void ({ failed } = await bff.forgetOthers()));
        if (!done) return null;
        await devices.reload(true);
        setMessage(
          failed === 0
            ? { text: `${count === 1 ? "The other device is" : "All other devices are"} forgotten.` }
            : { text: `${plural(failed, "device")} could not be forgotten. Try again.`, alert: true },
        );
        return devicesHeading.current;
      },
    });

  const end = (session: Session) =>
    setQuestion({
      title: `End the session of “${nameOf(session)}”?`,
      text: (
        <>
          <Facts>{[placeOf(session), appOf(session)]}</Facts>
          {session.sessionType === "sso" ? (
            <p>
              The browser there, and every app that was signed in through it, is signed out at once
              and has to sign in again.
            </p>
          ) : (
            <p>Whoever uses it is signed out at once and has to sign in again.</p>
          )}
        </>
      ),
      action: "End session",
      run: async () => {
        if (!(await attempt(() => bff.endSession(session.id)))) return null;
        sessions.change((now) => now.filter((it) => !endsWith(session, it)));
        setMessage({ text: `The session of “${nameOf(session)}” has ended.` });
        return sessionsHeading.current;
      },
    });

  const endOthers = (count: number) =>
    setQuestion({
      title: count === 1 ? "End the other session?" : `End all ${count} other sessions?`,
      text: <p>You stay signed in here only. Everywhere else you are signed out at once.</p>,
      action: count === 1 ? "End session" : "End all others",
      run: async () => {
        let failed = 0;
        const done = await attempt(async () => void ({ failed } = await bff.endOtherSessions()));
        if (!done) return null;
        await sessions.reload(true);
        setMessage(
          failed === 0
            ? { text: `${count === 1 ? "The other session has" : "All other sessions have"} ended.` }
            : { text: `${plural(failed, "session")} could not be ended. Try again.`, alert: true },
        );
        return sessionsHeading.current;
      },
    });

  const signOutEverywhere = () =>
    setQuestion({
      title: "Sign out everywhere?",
      text: (
        <p>
          You are signed out of every app and browser at once, here too. Your devices stay
          remembered.
        </p>
      ),
      action: "Sign out everywhere",
      run: async () => {
        if (await attempt(() => bff.signOutEverywhere())) {
          await onLeave("You are signed out everywhere.");
        }
        return null;
      },
    });

  const view = devices.loaded;
  const currentId = view.state === "ready" ? view.data.currentDeviceId : null;
  const asks =
    !answered &&
    view.state === "ready" &&
    currentId !== null &&
    listed(view.data) === undefined &&
    !isDeclined(currentId);
  const others = view.state === "ready" ? otherDevices(view.data).length : 0;
  const places = sessions.loaded.state === "ready" ? currentFirst(sessions.loaded.data) : [];
  const here = places.find((it) => it.current);
  const elsewhere = places.filter((it) => !it.current).length;

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
        {!online && (
          <p class="note offline" role="status">
            You are offline. What you see may be out of date.
          </p>
        )}
        <div class="intro">
          <h1 ref={heading} tabIndex={-1}>
            Your devices
          </h1>
          <p>
            The devices you sign in with, and where you are signed in. Something here is not yours?
            Forget it, end its session, and change your password.
          </p>
        </div>

        {asks && currentId !== null && (
          <section class="card prompt" aria-labelledby="trust">
            <div>
              <h2 id="trust">Do you trust this device?</h2>
              <p>
                Then we remember it, and you need no code the next time you sign in here. Say yes
                only on a device that is yours.
              </p>
            </div>
            <div class="prompt-actions">
              <button
                type="button"
                class="primary"
                onClick={() => {
                  toDevices();
                  void remember(currentId, true);
                }}
              >
                Yes, remember it
              </button>
              <button
                type="button"
                onClick={() => {
                  setDeclined(currentId, true);
                  setAnswered(true);
                  setMessage({ text: "We will not ask again on this device." });
                  toDevices();
                }}
              >
                No
              </button>
            </div>
          </section>
        )}

        <div class="columns">
          <div class="column">
            <section class="card" aria-labelledby="devices">
              <header>
                <h2 id="devices" ref={devicesHeading} tabIndex={-1}>
                  Devices
                </h2>
                {others > 0 && (
                  <button type="button" class="danger-text" onClick={() => forgetOthers(others)}>
                    Forget all others
                  </button>
                )}
              </header>
              {view.state === "loading" && <Skeleton rows={3} label="Loading your devices" />}
              {view.state === "failed" && (
                <Failure
                  error={view.error}
                  onRetry={() => (toDevices(), void devices.reload())}
                />
              )}
              {view.state === "ready" && (
                <DeviceList
                  devices={view.data}
                  known={known.current ?? here ?? null}
                  busy={busy}
                  onRemember={(yes) => currentId !== null && void remember(currentId, yes)}
                  onForget={forget}
                />
              )}
            </section>
          </div>
          <div class="column">
            <section class="card" aria-labelledby="sessions">
              <header>
                <h2 id="sessions" ref={sessionsHeading} tabIndex={-1}>
                  Where you’re signed in
                </h2>
                {elsewhere > 0 && (
                  <button type="button" class="danger-text" onClick={() => endOthers(elsewhere)}>
                    End all others
                  </button>
                )}
              </header>
              {sessions.loaded.state === "loading" && (
                <Skeleton rows={3} label="Loading your sessions" />
              )}
              {sessions.loaded.state === "failed" && (
                <Failure
                  error={sessions.loaded.error}
                  onRetry={() => (toSessions(), void sessions.reload())}
                />
              )}
              {sessions.loaded.state === "ready" && <SessionList sessions={places} onEnd={end} />}
            </section>
            <section class="card everywhere" aria-labelledby="everywhere">
              <div>
                <h2 id="everywhere">Sign out everywhere</h2>
                <p>If you lost a device, or think that somebody knows your password.</p>
              </div>
              <button type="button" class="danger-text strong" onClick={signOutEverywhere}>
                Sign out everywhere
              </button>
            </section>
          </div>
        </div>
      </main>
      {question && (
        <Confirmation
          question={question}
          // Not the next one, which may have been asked already.
          onClose={() => setQuestion((asked) => (asked === question ? null : asked))}
        />
      )}
      <Toast message={message} onDismiss={() => (toDevices(), setMessage(null))} />
    </>
  );
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = () => setOnline(navigator.onLine);
    window.addEventListener("online", update);
    window.addEventListener("offline", update);
    return () => {
      window.removeEventListener("online", update);
      window.removeEventListener("offline", update);
    };
  }, []);
  return online;
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** Whether a session has ended when `ended` has, with those that are linked to it. */
function endsWith(ended: Session, it: Session): boolean {
  return it.id === ended.id || it.id === ended.originSessionId || it.originSessionId === ended.id;
}

function currentFirst(items: Session[]): Session[] {
  const active = (it: Session) => it.lastActiveAt ?? it.createdAt ?? "";
  return items.toSorted(
    (a, b) => Number(b.current) - Number(a.current) || active(b).localeCompare(active(a)),
  );
}
