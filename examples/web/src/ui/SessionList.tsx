import { useState } from "preact/hooks";
import type { Session } from "../api/client";
import { Badge, Name, nameOf, useFocusOnMore } from "./DeviceList";
import { Ago, DeviceIcon, Facts } from "./parts";

const FIRST = 8;

interface Props {
  sessions: Session[];
  onEnd: (session: Session) => void;
}

export function SessionList({ sessions, onEnd }: Props) {
  const [all, setAll] = useState(false);
  const list = useFocusOnMore(all, FIRST);
  if (sessions.length === 0) {
    return <p class="empty">No sessions to show. A new one can take a few seconds to appear.</p>;
  }
  const shown = all ? sessions : sessions.slice(0, FIRST);
  return (
    <>
      <ul class="rows" ref={list}>
        {shown.map((session) => (
          <li class={session.current ? "row current" : "row"} key={session.id} data-session={session.id}>
            <DeviceIcon of={session} />
            <div class="row-text" id={`about-${session.id}`}>
              <h3>
                <Name of={session} /> {session.current && <Badge kind="this">This session</Badge>}
              </h3>
              <Facts>{[placeOf(session), session.lastIpAddress]}</Facts>
              <Facts>
                {[
                  session.lastActiveAt && (
                    <>
                      Active <Ago at={session.lastActiveAt} />
                    </>
                  ),
                  appOf(session),
                ]}
              </Facts>
            </div>
            {!session.current && (
              <button
                type="button"
                class="danger-text"
                aria-label={`End session: ${nameOf(session)}`}
                aria-describedby={`about-${session.id}`}
                onClick={() => onEnd(session)}
              >
                End
              </button>
            )}
          </li>
        ))}
      </ul>
      {shown.length < sessions.length && (
        <button type="button" class="plain more" onClick={() => setAll(true)}>
          Show all {sessions.length}
        </button>
      )}
    </>
  );
}

/** "Berlin, Germany", as much of it as is known. */
export const placeOf = ({ lastLocation: { city, country } }: Session): string =>
  [city, country].filter(Boolean).join(", ") || "Unknown place";

export const appOf = ({ clientName, sessionType }: Session): string | null =>
  sessionType === "sso" ? "Sign-in page, for all apps" : clientName;
