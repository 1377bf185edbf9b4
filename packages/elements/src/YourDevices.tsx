/** Both lists, what can be done with them, and what is said about it. */
import type { Device, DeviceBff, DeviceBffError, Failed, Session } from "@device-bff/client";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  currentOf,
  DeviceList,
  INACTIVE_DAYS,
  isExpired,
  isInactive,
  othersOf,
  useTarget,
  type Devices,
} from "./DeviceList.js";
import { isDeclined, newSince, setDeclined } from "./kept.js";
import {
  Confirmation,
  Facts,
  Failure,
  Name,
  nameOf,
  Skeleton,
  Toast,
  useWords,
  type Message,
  type Option,
  type Question,
} from "./parts.js";
import { appOf, placeOf, SessionList } from "./SessionList.js";
import type { Change, View } from "./types.js";
import { asError, isEnded, useLoaded } from "./useLoaded.js";

/** What the element tells the page. `changed`: what was done, and to which ids. */
export interface Tell {
  ended: () => void;
  changed: (what: Change, ids: string[]) => void;
  problem: (error: DeviceBffError) => void;
}

interface Props {
  bff: DeviceBff;
  view: View;
  /** The user's `sub`, for what this browser keeps; null where it is not known. */
  sub: () => Promise<string | null>;
  changePasswordUrl: string | null;
  /** The id that a link of a mail leads to. */
  target: string | null;
  tell: Tell;
}

const GONE = ["device-not-found", "session-not-found"];
/** Trying again changes nothing about these. */
const FINAL = [
  ...["device-tracking-unavailable", "session-tracking-unavailable", "insufficient-scope"],
  ...["user-not-confirmed", "password-reset-required", "blocked"],
];

export function YourDevices({ bff, view, sub, changePasswordUrl, target, tell }: Props) {
  const words = useWords();
  const { say } = words;
  const [message, setMessage] = useState<Message | null>(null);
  const [question, setQuestion] = useState<Question | null>(null);
  const [busy, setBusy] = useState(false);
  const [answered, setAnswered] = useState(false);
  const known = useRef<Device | undefined>(undefined);
  const root = useRef<HTMLDivElement>(null);
  const devicesHeading = useRef<HTMLHeadingElement>(null);
  const sessionsHeading = useRef<HTMLHeadingElement>(null);
  const online = useOnline();

  const loadDevices = useCallback(async (): Promise<Devices> => {
    const items: Device[] = [];
    let currentDeviceId: string | null = null;
    for await (const page of bff.devices.list().pages()) {
      items.push(...page.items);
      currentDeviceId = page.currentDeviceId;
    }
    return { items, currentDeviceId };
  }, [bff]);
  const loadSessions = useCallback(() => bff.sessions.list().all(), [bff]);
  const devices = useLoaded(loadDevices, tell.ended, view !== "sessions");
  const sessions = useLoaded(loadSessions, tell.ended, view !== "devices");
  const list = devices.loaded.state === "ready" ? devices.loaded.data : null;
  const places = sessions.loaded.state === "ready" ? currentFirst(sessions.loaded.data) : null;
  const freshDevices = useFresh("devices", sub, list?.items);
  const freshSessions = useFresh("sessions", sub, places);
  useTarget(root, target, list !== null || places !== null);

  const failedLoads = [devices.loaded, sessions.loaded].map((it) =>
    it.state === "failed" ? it.error : null,
  );
  useEffect(() => {
    for (const error of failedLoads) if (error) tell.problem(error);
  }, failedLoads);

  const here = places?.find((it) => it.current) ?? null;
  const current = list ? currentOf(list) : undefined;
  const currentId = list?.currentDeviceId ?? null;
  const others = list ? othersOf(list) : [];
  const elsewhere = places?.filter((it) => !it.current) ?? [];
  const inactive = others.filter(isInactive);
  const expired = others.filter(isExpired);
  const asked =
    !answered && currentId !== null && current === undefined && !isDeclined(currentId);

  // For a button that is about to go, so that the focus does not go with it.
  const toDevices = () =>
    (devicesHeading.current ?? sessionsHeading.current)?.focus({ preventScroll: true });

  const wordsOf = (error: DeviceBffError): string => {
    const key = words.has(error.code) ? error.code : "otherwise";
    const lost = error.outcome === "unknown" ? say("mayBeDone") : null;
    const wait = error.retryAfter === null ? null : say("tryAgainIn", { count: error.retryAfter });
    return [say(key), lost, wait].filter(Boolean).join(" ");
  };

  /** Runs a change; false, and a message, when it failed. `soFar`: said first, if there is something. */
  const attempt = async (
    change: () => Promise<void>,
    signal?: AbortSignal,
    soFar = () => "",
  ): Promise<boolean> => {
    setBusy(true);
    setMessage(null);
    try {
      await change();
      return true;
    } catch (caught) {
      if (isEnded(caught)) {
        tell.ended();
        return false;
      }
      const error = signal?.aborted ? null : asError(caught);
      if (error) tell.problem(error);
      const why = error ? wordsOf(error) : say("mayBeDone");
      setMessage({ text: `${soFar()} ${why}`.trim(), alert: true });
      return false;
    } finally {
      setBusy(false);
    }
  };

  /** As `attempt`; when it is open what became of it, the lists are read again. */
  const settle = async (
    change: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    soFar?: () => string,
  ) => {
    const done = await attempt(() => change(signal), signal, soFar);
    if (!done) await Promise.all([reloaded(devices), reloaded(sessions)]);
    return done;
  };
  const reloaded = (it: { loaded: { state: string }; reload: (quietly: boolean) => Promise<void> }) =>
    it.loaded.state === "ready" ? it.reload(true) : undefined;

  const remember = async (id: string, yes: boolean, undoable = true) => {
    known.current = current ?? known.current;
    const done = await attempt(async () => {
      await (yes ? bff.devices.remember() : bff.devices.stopRemembering());
    });
    if (!done) return;
    setDeclined(id, !yes); // whoever stops remembering it need not be asked at each sign-in
    setAnswered(true);
    tell.changed(yes ? "remembered" : "not-remembered", [id]);
    await devices.reload(true);
    const text = say(yes ? "nowRemembered" : "nowNotRemembered");
    const undo = () => {
      toDevices();
      void remember(id, !yes, false);
    };
    setMessage(undoable ? { text, undo } : { text });
  };

  /** The sessions of the same system and address: a guess, for no session names its device. */
  const likelySessions = (device: Device): Session[] =>
    elsewhere.filter(
      (it) =>
        it.sessionType === "token" &&
        it.lastIpAddress !== null &&
        it.lastIpAddress === device.lastIpAddress &&
        // A name that a person chose tells no system.
        [it.operatingSystem, null].includes(device.operatingSystem),
    );

  const sessionOption = (session: Session, ticked: boolean): Option => ({
    id: session.id,
    ticked,
    text: (
      <>
        <Name>{nameOf(session, words)}</Name>
        <Facts>
          {[
            placeOf(session, words),
            session.lastActiveAt && say("active", { when: words.ago(session.lastActiveAt) }),
            appOf(session, words),
          ]}
        </Facts>
      </>
    ),
  });

  const factsOf = (device: Device) => (
    <Facts>
      {[
        device.lastIpAddress,
        device.lastAuthenticatedAt &&
          say("lastSeen", { when: words.ago(device.lastAuthenticatedAt) }),
      ]}
    </Facts>
  );

  const forget = (device: Device, notMine = false) => {
    const name = nameOf(device, words);
    const guesses = likelySessions(device);
    setQuestion({
      title: say(notMine ? "notMeTitle" : "forgetTitle", { name }),
      text: (
        <>
          {factsOf(device)}
          <p>{say(notMine && guesses.length > 0 ? "notMeText" : "forgetText")}</p>
        </>
      ),
      lead: say("alsoSignOut"),
      options: guesses.map((it) => sessionOption(it, notMine)),
      action: say("forgetAction"),
      run: async (ticked, signal) => {
        const options = { signal, ...(notMine && { reason: "not-mine" as const }) };
        const done = await settle(async () => {
          await bff.devices.forget(device.id, options);
          devices.change((now) => ({
            ...now,
            items: now.items.filter((it) => it.id !== device.id),
          }));
          tell.changed("forgotten", [device.id]);
          for (const id of ticked) await endOne(id, options);
        }, signal);
        if (!done) return null;
        setMessage({ text: say("forgotten", { name }), ...(notMine && passwordLink()) });
        return devicesHeading.current;
      },
    });
  };

  const passwordLink = () =>
    changePasswordUrl === null
      ? {}
      : { link: { text: say("changePassword"), href: changePasswordUrl } };

  /**
   * With what is linked to it: an app whose sign-in page is still signed in would be let in again
   * without a password.
   */
  const endOne = async (id: string, options: { signal: AbortSignal; reason?: "not-mine" }) => {
    await bff.sessions.end(id, { ...options, linked: true });
    sessions.change((now) => {
      const ended = now.find((it) => it.id === id);
      return now.filter((it) => it.id !== id && !(ended && isLinked(ended, it)));
    });
    tell.changed("ended", [id]);
  };

  const forgetMany = (
    title: string,
    text: string,
    call: (options: { signal: AbortSignal }) => Promise<{ forgotten: string[]; failed: Failed[] }>,
    options: Option[] = [],
  ) =>
    setQuestion({
      title,
      text: <p>{text}</p>,
      options,
      action: say("forgetAction"),
      run: async (ticked, signal, onProgress) => {
        let failed = 0;
        let notEnded = 0;
        const forgotten: string[] = [];
        let soFar = "";
        const done = await settle(
          async () => {
            // The service stops when its time is over, and reports those that it has not tried.
            for (let again = true; again; ) {
              const report = await call({ signal });
              forgotten.push(...report.forgotten);
              failed = remaining(report.failed);
              tell.changed("forgotten", report.forgotten);
              again = report.forgotten.length > 0 && report.failed.some(isNotTried);
              const progress = { done: forgotten.length, count: forgotten.length + failed };
              soFar = say("progress", progress);
              if (again) onProgress(progress);
            }
            if (ticked.length === 0) return;
            const report = await bff.sessions.endOthers({ signal });
            notEnded = remaining(report.failed);
            tell.changed("ended", report.ended);
          },
          signal,
          () => soFar,
        );
        if (!done) return null;
        await Promise.all([devices.reload(true), ticked.length > 0 ? reloaded(sessions) : undefined]);
        setMessage(
          failed > 0
            ? { text: say("notForgotten", { count: failed }), alert: true }
            : notEnded > 0
              ? { text: say("notEnded", { count: notEnded }), alert: true }
              : { text: say("manyForgotten", { count: forgotten.length }) },
        );
        return devicesHeading.current;
      },
    });

  const forgetOthers = () =>
    forgetMany(
      say("forgetOthersTitle", { count: others.length }),
      say("forgetOthersText"),
      (options) => bff.devices.forgetOthers(options),
      elsewhere.length > 0 ? [{ id: "sessions", text: say("andEndSessions"), ticked: false }] : [],
    );

  const end = (session: Session, notMine = false) => {
    const name = nameOf(session, words);
    setQuestion({
      title: say(notMine ? "notMeTitle" : "endTitle", { name }),
      text: (
        <>
          <Facts>{[placeOf(session, words), session.lastIpAddress, appOf(session, words)]}</Facts>
          <p>{say(session.sessionType === "sso" ? "endSsoText" : "endText")}</p>
        </>
      ),
      action: say("endAction"),
      run: async (_, signal) => {
        const reason = notMine ? { reason: "not-mine" as const } : {};
        if (!(await settle(() => endOne(session.id, { signal, ...reason }), signal))) return null;
        setMessage({ text: say("ended", { name }), ...(notMine && passwordLink()) });
        return sessionsHeading.current;
      },
    });
  };

  const endOthers = () =>
    setQuestion({
      title: say("endOthersTitle", { count: elsewhere.length }),
      text: <p>{say("endOthersText")}</p>,
      action: say("endAction"),
      run: async (_, signal) => {
        let failed = 0;
        let ended: string[] = [];
        const done = await settle(async () => {
          const report = await bff.sessions.endOthers({ signal });
          failed = remaining(report.failed);
          ended = report.ended;
          tell.changed("ended", ended);
        }, signal);
        if (!done) return null;
        await sessions.reload(true);
        setMessage(
          failed > 0
            ? { text: say("notEnded", { count: failed }), alert: true }
            : { text: say("manyEnded", { count: ended.length }) },
        );
        return sessionsHeading.current;
      },
    });

  const signOutEverywhere = () =>
    setQuestion({
      title: say("everywhereTitle"),
      text: <p>{say("everywhereText")}</p>,
      action: say("everywhere"),
      run: async (_, signal) => {
        if (await attempt(() => bff.signOutEverywhere({ signal }), signal)) {
          tell.changed("signed-out", []);
          tell.ended();
        }
        return null;
      },
    });

  const signInAgain = (device: Device) =>
    setQuestion({
      title: say("expiredHere"),
      text: <p>{say("signInAgainText")}</p>,
      action: say("signInAgain"),
      run: async (_, signal) => {
        if (await settle(() => bff.devices.forgetCurrent({ signal }), signal)) {
          tell.changed("forgotten", [device.id]);
          tell.ended();
        }
        return null;
      },
    });

  const failure = (error: DeviceBffError, onRetry: () => void) => (
    <Failure
      code={error.code}
      text={words.say(words.has(error.code) ? error.code : "otherwise")}
      requestId={error.requestId}
      retryAfter={error.retryAfter}
      onRetry={FINAL.includes(error.code) ? undefined : onRetry}
    />
  );

  return (
    <div class="your-devices" lang={words.language} dir={words.direction} ref={root}>
      <div class="lists">
      {!online && (
        <p class="note" role="status">
          {say("offline")}
        </p>
      )}
      {asked && currentId !== null && (
        <section class="card prompt" part="card prompt" aria-labelledby="trust">
          <div>
            <h2 id="trust">{say("trustTitle")}</h2>
            <p>{say("trustText")}</p>
          </div>
          <div class="prompt-actions">
            <button
              type="button"
              class="primary"
              part="primary"
              onClick={() => {
                toDevices();
                void remember(currentId, true);
              }}
            >
              {say("trustYes")}
            </button>
            <button
              type="button"
              onClick={() => {
                setDeclined(currentId, true);
                setAnswered(true);
                setMessage({ text: say("declined") });
                toDevices();
              }}
            >
              {say("no")}
            </button>
          </div>
        </section>
      )}
      {current && isExpired(current) && (
        <section class="card prompt" part="card prompt" aria-labelledby="expired">
          <div>
            <h2 id="expired">{say("expiredHere")}</h2>
            <p>{say("expiredHereText")}</p>
          </div>
          <button type="button" class="primary" part="primary" onClick={() => signInAgain(current)}>
            {say("signInAgain")}
          </button>
        </section>
      )}
      <div class={view === "all" ? "columns" : ""}>
        {view !== "sessions" && (
          <section class="card" part="card devices" aria-labelledby="devices">
            <header>
              <h2 id="devices" ref={devicesHeading} tabIndex={-1}>
                {say("devices")}
              </h2>
              {others.length > 0 && (
                <button type="button" class="danger-text" onClick={forgetOthers}>
                  {say("forgetOthers")}
                </button>
              )}
            </header>
            {devices.loaded.state === "loading" && <Skeleton label={say("loadingDevices")} />}
            {devices.loaded.state === "failed" &&
              failure(devices.loaded.error, () => (toDevices(), void devices.reload()))}
            {list && (
              <DeviceList
                devices={list}
                fresh={freshDevices}
                target={target}
                known={known.current ?? here}
                asked={asked}
                busy={busy}
                onRemember={(yes) => currentId !== null && void remember(currentId, yes)}
                onForget={forget}
                onNotMine={(device) => forget(device, true)}
              />
            )}
            {expired.length > 0 && (
              <Offer
                text={say("expiredCount", { count: expired.length })}
                onForget={() =>
                  forgetMany(say("expiredTitle", { count: expired.length }), "", (options) =>
                    bff.devices.forgetExpired(options),
                  )
                }
              />
            )}
            {inactive.length > 0 && (
              <Offer
                text={say("inactive", { count: inactive.length })}
                onForget={() =>
                  forgetMany(
                    say("inactiveTitle", { count: inactive.length }),
                    say("inactiveText"),
                    (options) => bff.devices.forgetInactive(INACTIVE_DAYS, options),
                  )
                }
              />
            )}
          </section>
        )}
        {view !== "devices" && (
          <div class="column">
            <section class="card" part="card sessions" aria-labelledby="sessions">
              <header>
                <h2 id="sessions" ref={sessionsHeading} tabIndex={-1}>
                  {say("sessions")}
                </h2>
                {elsewhere.length > 0 && (
                  <button type="button" class="danger-text" onClick={endOthers}>
                    {say("endOthers")}
                  </button>
                )}
              </header>
              {sessions.loaded.state === "loading" && <Skeleton label={say("loadingSessions")} />}
              {sessions.loaded.state === "failed" &&
                failure(
                  sessions.loaded.error,
                  () => (sessionsHeading.current?.focus(), void sessions.reload()),
                )}
              {places && (
                <SessionList
                  sessions={places}
                  fresh={freshSessions}
                  target={target}
                  here={current ?? null}
                  onEnd={end}
                  onNotMine={(session) => end(session, true)}
                />
              )}
            </section>
            <section class="card everywhere" part="card everywhere" aria-labelledby="everywhere">
              <div>
                <h2 id="everywhere">{say("everywhere")}</h2>
                <p>{say("everywhereHint")}</p>
                {changePasswordUrl !== null && (
                  <a href={changePasswordUrl} part="link">
                    {say("changePassword")}
                  </a>
                )}
              </div>
              <button type="button" class="danger-text strong" onClick={signOutEverywhere}>
                {say("everywhere")}
              </button>
            </section>
          </div>
        )}
      </div>
      </div>
      {question && (
        <Confirmation key={question.title} question={question} onClose={() => setQuestion(null)} />
      )}
      <Toast message={message} onDismiss={() => (setMessage(null), toDevices())} />
    </div>
  );

  function Offer({ text, onForget }: { text: string; onForget: () => void }) {
    return (
      <div class="offer">
        <p>{text}</p>
        <button type="button" class="danger-text" onClick={onForget}>
          {say("forget")}
        </button>
      </div>
    );
  }
}

/** What could not be ended is still there, unless the reason is that it is not. */
const remaining = (failed: readonly Failed[]): number =>
  failed.filter(({ problem }) => !GONE.includes(problem.code)).length;

/** Cognito's quota did not let it have a turn in time. */
const isNotTried = ({ problem }: Failed): boolean => problem.code === "quota-exceeded";

const currentFirst = (all: Session[]): Session[] =>
  all.toSorted((a, b) => Number(b.current) - Number(a.current));

/** Whether ending `ended` with what is linked to it ends `other`, too. */
const isLinked = (ended: Session, other: Session): boolean =>
  ended.originSessionId === other.id || other.originSessionId === ended.id;

/** The ids of `items` that were not there when this browser last looked. */
function useFresh(
  kind: string,
  sub: () => Promise<string | null>,
  items: readonly { id: string; current: boolean }[] | null | undefined,
): string[] {
  const [fresh, setFresh] = useState<string[]>([]);
  const ids = useMemo(() => items?.map((it) => it.id), [items]);
  useEffect(() => {
    if (!ids) return;
    void sub().then(async (user) => {
      if (user === null) return;
      const found = await newSince(kind, user, ids);
      const here = items?.filter((it) => it.current).map((it) => it.id) ?? [];
      setFresh(found.filter((id) => !here.includes(id)));
    });
  }, [ids?.join()]);
  return fresh;
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return online;
}
