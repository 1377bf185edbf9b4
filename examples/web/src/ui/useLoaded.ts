import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { CallError, SessionEnded, UNREACHABLE } from "../api/problems";

export type Loaded<T> =
  | { state: "loading" }
  | { state: "failed"; error: CallError }
  | { state: "ready"; data: T };

/** Something that is read from the service, again when asked to or when back online. */
export function useLoaded<T>(load: () => Promise<T>, onEnded: () => void) {
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
        if (error instanceof SessionEnded) return onEnded();
        setLoaded({
          state: "failed",
          error: error instanceof CallError ? error : new CallError("unknown"),
        });
      }
    },
    [load, onEnded],
  );

  useEffect(() => void reload(), [reload]);

  const unreachable = loaded.state === "failed" && loaded.error.code === UNREACHABLE;
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
