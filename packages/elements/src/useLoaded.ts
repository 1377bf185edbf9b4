import { DeviceBffError } from "@device-bff/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export type Loaded<T> =
  | { state: "loading" }
  | { state: "failed"; error: DeviceBffError }
  | { state: "ready"; data: T };

/** Something that is read from the service, again when asked to or when back online. */
export function useLoaded<T>(load: () => Promise<T>, onEnded: () => void, wanted: boolean) {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: "loading" });
  const latest = useRef(0);

  const reload = useCallback(
    async (quietly = false) => {
      const mine = ++latest.current;
      if (!quietly) setLoaded({ state: "loading" });
      try {
        const data = await load();
        if (mine === latest.current) setLoaded({ state: "ready", data });
      } catch (error) {
        if (mine !== latest.current) return;
        if (isEnded(error)) return onEnded();
        setLoaded({ state: "failed", error: asError(error) });
      }
    },
    [load, onEnded],
  );

  useEffect(() => {
    if (wanted) void reload();
  }, [reload, wanted]);

  const unreachable = loaded.state === "failed" && loaded.error.code === "unreachable";
  useEffect(() => {
    if (!unreachable) return;
    const online = () => void reload();
    window.addEventListener("online", online);
    return () => window.removeEventListener("online", online);
  }, [unreachable, reload]);

  const change = (how: (data: T) => T) =>
    setLoaded((now) => (now.state === "ready" ? { state: "ready", data: how(now.data) } : now));

  return { loaded, reload, change };
}

// Not by `instanceof`: a page's own client may come from another copy of the package.

/** Whether nobody is signed in any more. */
export const isEnded = (error: unknown): boolean =>
  error instanceof Error && error.name === "SessionEnded";

/** `error` as one of the client's; anything else is a mistake of ours or of the page's. */
export function asError(error: unknown): DeviceBffError {
  if (error instanceof Error && "outcome" in error) return error as DeviceBffError;
  console.error(error);
  return new DeviceBffError("otherwise", "not-done");
}
