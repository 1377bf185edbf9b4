/** The small parts that the lists are made of. */
import type { Device, Session } from "@device-bff/client";
import type { ComponentChildren } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Key, Words } from "./i18n.js";

export const Language = createContext<Words | null>(null);
export const useWords = (): Words => useContext(Language)!;

const SHAPES: Record<string, string> = {
  phone: "M7 3.5h10v17H7z M11 17.8h2",
  tablet: "M5 3.5h14v17H5z M11 17.8h2",
  computer: "M4.5 5h15v10.5h-15z M2.5 19h19",
  tv: "M3 5h18v11.5H3z M8.5 20h7",
  other: "M13 15.5H4.5V5h15v4 M2.5 19H12 M15.5 11.5h5.5v8.5h-5.5z",
};
/** Cognito's words for a session often name the system alone: most iOS and Android is phones. */
const HANDHELD = ["iOS", "Android"];

export type Described = Pick<Device | Session, "displayName" | "deviceType" | "operatingSystem">;

/** What to call it. */
export function nameOf(of: Described, words: Words): string {
  const kind = of.deviceType ?? "";
  const known = ["phone", "tablet", "computer", "tv"].includes(kind);
  return of.displayName ?? (known ? words.say(kind as Key) : words.say("unnamed"));
}

const NAME_MAX = 60;

/** A name in its own direction, cut short where it is too long; the whole of it on hover. */
export function Name({ children }: { children: string }) {
  const letters = [...children];
  const long = letters.length > NAME_MAX;
  return (
    <bdi title={long ? children : undefined}>
      {long ? `${letters.slice(0, NAME_MAX).join("")}…` : children}
    </bdi>
  );
}

/** `of`: null where nothing is known of it. */
export function Icon({ of }: { of: Described | null }) {
  const type =
    of?.deviceType ?? (HANDHELD.includes(of?.operatingSystem ?? "") ? "phone" : "other");
  return (
    <span class="icon" part="icon" aria-hidden="true">
      <svg viewBox="0 0 24 24">
        <path d={SHAPES[type] ?? SHAPES.other} />
      </svg>
    </span>
  );
}

/** A text with a moment in it, as "Last seen 2 hours ago"; the exact time on hover. */
export function When({ text, at, address }: { text: Key; at: string; address?: string | null }) {
  const words = useWords();
  const [, setNow] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  const values = { when: words.ago(at), address: address ?? "" };
  return (
    <time dateTime={at} title={words.exact(at)}>
      {words.say(text, values)}
    </time>
  );
}

/** What is known, in one line where there is room: "Berlin, Germany · 203.0.113.7". */
export function Facts({ children }: { children: (ComponentChildren | null)[] }) {
  return (
    <p class="facts">
      {children.filter(Boolean).map((fact, index) => (
        <span key={index}>{fact}</span>
      ))}
    </p>
  );
}

export function Badge({ kind, children }: { kind: "this" | "yes" | "no" | "new"; children: string }) {
  return (
    <>
      {" "}
      <span class={`badge ${kind}`} part={`badge badge-${kind}`}>
        {children}
      </span>
    </>
  );
}

export function Skeleton({ label }: { label: string }) {
  return (
    <div class="rows" aria-busy="true">
      <p class="hidden" role="status">
        {label}
      </p>
      {[0, 1, 2].map((row) => (
        <div class="row skeleton" key={row} aria-hidden="true">
          <span class="icon" />
          <div class="row-text">
            <span class="bone" />
            <span class="bone short" />
          </div>
        </div>
      ))}
    </div>
  );
}

/** What goes wrong with a list, in its place. */
export function Failure(props: {
  code: string;
  text: string;
  requestId: string | null;
  retryAfter: number | null;
  /** Undefined where trying again does not help. */
  onRetry: (() => void) | undefined;
}) {
  const words = useWords();
  const [wait, setWait] = useState(props.retryAfter ?? 0);
  useEffect(() => {
    setWait(props.retryAfter ?? 0);
    const timer = setInterval(() => setWait((left) => Math.max(0, left - 1)), 1000);
    return () => clearInterval(timer);
  }, [props.retryAfter, props.text]);
  return (
    <div class="failure" part="failure" data-code={props.code}>
      <div role="alert">
        <p>{props.text}</p>
        {props.onRetry && props.requestId && (
          <p class="reference">{words.say("reference", { id: props.requestId })}</p>
        )}
      </div>
      {props.onRetry && (
        <button type="button" disabled={wait > 0} onClick={props.onRetry}>
          {wait > 0 ? words.say("tryAgainIn", { count: wait }) : words.say("tryAgain")}
        </button>
      )}
    </div>
  );
}

/** Something to tick before a question is answered with yes. */
export interface Option {
  id: string;
  text: ComponentChildren;
  ticked: boolean;
}

export interface Question {
  title: string;
  /** What will happen. */
  text: ComponentChildren;
  /** Said before the options. */
  lead?: string;
  options?: Option[];
  /** The button that does it. */
  action: string;
  /**
   * Does it, with the options that are ticked; the element to go on from, or null for the old one.
   * `onProgress`: told how far it is, where that is known.
   */
  run: (
    ticked: string[],
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ) => Promise<HTMLElement | null>;
}

/** How many of `count` are done. */
export interface Progress {
  done: number;
  count: number;
}

/** Asks before something that cannot be undone. The browser keeps the focus inside. */
export function Confirmation({ question, onClose }: { question: Question; onClose: () => void }) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState<AbortController | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [ticked, setTicked] = useState<string[]>(
    () => question.options?.filter((it) => it.ticked).map((it) => it.id) ?? [],
  );
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const run = async () => {
    const running = new AbortController();
    setBusy(running);
    const next = await question.run(ticked, running.signal, setProgress);
    setBusy(null);
    dialog.current?.close();
    next?.focus();
  };
  return (
    <dialog
      ref={dialog}
      part="dialog"
      aria-labelledby="question"
      aria-describedby="consequence"
      onClose={onClose}
      onCancel={() => busy?.abort()}
    >
      <h2 id="question">{question.title}</h2>
      <div id="consequence">{question.text}</div>
      {question.options && question.options.length > 0 && (
        <fieldset>
          {question.lead && <legend>{question.lead}</legend>}
          {question.options.map((it) => (
            <label key={it.id}>
              <input
                type="checkbox"
                checked={ticked.includes(it.id)}
                disabled={busy !== null}
                onChange={({ currentTarget: { checked } }) =>
                  setTicked((now) => [...now.filter((id) => id !== it.id), ...(checked ? [it.id] : [])])
                }
              />
              <span>{it.text}</span>
            </label>
          ))}
        </fieldset>
      )}
      {busy && (
        <>
          <progress
            aria-label={words.say("oneMoment")}
            {...(progress && { value: progress.done, max: progress.count })}
          />
          <p role="status">{progress && words.say("progress", { ...progress })}</p>
        </>
      )}
      <div class="dialog-actions">
        <button
          type="button"
          autofocus
          onClick={() => {
            busy?.abort();
            dialog.current?.close();
          }}
        >
          {words.say("cancel")}
        </button>
        <button
          type="button"
          class="danger"
          part="danger"
          disabled={busy !== null}
          onClick={() => void run()}
        >
          {busy ? words.say("oneMoment") : question.action}
        </button>
      </div>
    </dialog>
  );
}

export interface Message {
  text: string;
  /** Something failed. */
  alert?: boolean;
  undo?: () => void;
  link?: { text: string; href: string };
}

/** What has just happened. It stays until it is dismissed, so that nobody is too slow to undo. */
export function Toast({ message, onDismiss }: { message: Message | null; onDismiss: () => void }) {
  const words = useWords();
  return (
    <div class="toasts">
      <div role={message?.alert ? "alert" : "status"}>
        {message && (
          <div class={message.alert ? "toast alert" : "toast"} part="toast">
            <span>{message.text}</span>
            {message.link && <a href={message.link.href}>{message.link.text}</a>}
            {message.undo && (
              <button type="button" onClick={message.undo}>
                {words.say("undo")}
              </button>
            )}
            <button type="button" class="dismiss" aria-label={words.say("dismiss")} onClick={onDismiss}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d="M7 7l10 10M17 7L7 17" />
              </svg>
            </button>
          </div>
        )}
      </div>
    </div>
  );
}
