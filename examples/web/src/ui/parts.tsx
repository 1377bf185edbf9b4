/** The small parts that the lists are made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Device } from "../api/client";
import { words, type CallError } from "../api/problems";

const SHAPES: Record<string, string> = {
  phone: "M7 3.5h10v17H7z M11 17.8h2",
  tablet: "M5 3.5h14v17H5z M11 17.8h2",
  computer: "M4.5 5h15v10.5h-15z M2.5 19h19",
  tv: "M3 5h18v11.5H3z M8.5 20h7",
  other: "M13 15.5H4.5V5h15v4 M2.5 19H12 M15.5 11.5h5.5v8.5h-5.5z",
};

/** Cognito's words for a session often name the system alone: most iOS and Android is phones. */
const HANDHELD = ["iOS", "Android"];

/** `of`: null where nothing is known of the device. */
export function DeviceIcon({
  of,
}: {
  of: Pick<Device, "deviceType" | "operatingSystem"> | null;
}) {
  const type =
    of?.deviceType ?? (HANDHELD.includes(of?.operatingSystem ?? "") ? "phone" : "other");
  return (
    <span class="icon" aria-hidden="true">
      <svg viewBox="0 0 24 24">
        <path d={SHAPES[type] ?? SHAPES.other} />
      </svg>
    </span>
  );
}

const KINDS: Record<string, string> = {
  phone: "Phone",
  tablet: "Tablet",
  computer: "Computer",
  tv: "TV",
};

export const kindOf = (type: Device["deviceType"]): string => KINDS[type ?? "other"] ?? "Device";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });

export function relative(at: Date, now: number): string {
  const seconds = (at.getTime() - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return "just now"; // a clock that is slightly off must not show the future
}

/** "2 hours ago", and the exact time on hover. */
export function Ago({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  const date = new Date(at);
  return (
    <time dateTime={at} title={EXACT.format(date)}>
      {relative(date, now)}
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

/** What goes wrong with a list, in its place. */
export function Failure({ error, onRetry }: { error: CallError; onRetry: () => void }) {
  const { title, text, retry } = words(error.code);
  const [wait, setWait] = useState(error.retryAfter ?? 0);
  useEffect(() => {
    setWait(error.retryAfter ?? 0);
    const timer = setInterval(() => setWait((left) => Math.max(0, left - 1)), 1000);
    return () => clearInterval(timer);
  }, [error]);
  return (
    <div class={retry ? "failure" : "failure quiet"} data-code={error.code}>
      <div role="alert">
        <h3>{title}</h3>
        <p>{text}</p>
        {!NOTES.includes(error.code) && error.requestId !== null && (
          <p class="reference">Reference: {error.requestId}</p>
        )}
      </div>
      {retry && (
        <button type="button" disabled={wait > 0} onClick={onRetry}>
          {wait > 0 ? `Try again in ${wait} s` : "Try again"}
        </button>
      )}
    </div>
  );
}

/** These say how things are, and nobody needs to look into them. */
const NOTES = ["unreachable", "device-tracking-unavailable", "session-tracking-unavailable"];

export function Skeleton({ rows, label }: { rows: number; label: string }) {
  return (
    <div class="rows" aria-busy="true">
      <p class="hidden" role="status">
        {label}
      </p>
      {Array.from({ length: rows }, (_, index) => (
        <div class="row skeleton" key={index} aria-hidden="true">
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

export interface Question {
  title: string;
  /** What will happen. */
  text: ComponentChildren;
  /** The button that does it. */
  action: string;
  /** Does it; the element to go on from, where the one that asked may be gone. */
  run: () => Promise<HTMLElement | null>;
}

/** Asks before something that cannot be undone. The browser keeps the focus inside. */
export function Confirmation({ question, onClose }: { question: Question; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, [question]);
  const run = async () => {
    setBusy(true);
    const next = await question.run();
    setBusy(false);
    dialog.current?.close();
    next?.focus();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="question"
      aria-describedby="consequence"
      // The event comes late: by then the next question may be open.
      onClose={(event) => event.currentTarget.open || onClose()}
      onCancel={(event) => busy && event.preventDefault()}
    >
      <h2 id="question">{question.title}</h2>
      <div id="consequence">{question.text}</div>
      <div class="dialog-actions">
        <button type="button" disabled={busy} onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" class="danger" disabled={busy} onClick={() => void run()}>
          {busy ? "One moment …" : question.action}
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
}

/** What has just happened. It stays until it is dismissed, so that nobody is too slow to undo. */
export function Toast({ message, onDismiss }: { message: Message | null; onDismiss: () => void }) {
  return (
    <div class="toasts">
      <div role={message?.alert ? "alert" : "status"}>
        {message && (
          <div class={message.alert ? "toast alert" : "toast"}>
            <span>{message.text}</span>
            {message.undo && (
              <button type="button" onClick={message.undo}>
                Undo
              </button>
            )}
            <button type="button" class="dismiss" aria-label="Dismiss" onClick={onDismiss}>
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
