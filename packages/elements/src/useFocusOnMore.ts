import { useEffect, useRef } from "preact/hooks";

/** The list; once `all` of it is shown, the focus goes to the first row that was not there before. */
export function useFocusOnMore(all: boolean, before: number) {
  const list = useRef<HTMLUListElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (all && !first.current) list.current?.children[before]?.querySelector("button")?.focus();
    first.current = false;
  }, [all, before]);
  return list;
}
