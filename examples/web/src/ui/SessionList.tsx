import { useState } from "preact/hooks";
import type { Session } from "../api/client";
import { Badge, nameOf } from "./DeviceList";
import { Ago, DeviceIcon } from "./parts";

const FIRST = 8;

interface Props {
  sessions: Session[];
  onEnd: (session: Session) => void;
}

export function SessionList({ sessions, onEnd }: Props) {
  const [all, setAll] = useState(false);
  if (sessions.length === 0) {
    return <p class="empty">No sessions to show. A new one can take a few seconds to appear.</p>;
  }
  const shown = all ? sessions : sessions.slice(0, FIRST);
  return (
    <>
      <ul class="rows">
        {shown.map((session) => (
          <li class={session.current ? "row current" : "row"} key={session.id} data-session={session.id}>
            <DeviceIcon type={session.deviceType} />
            <div class="row-text">
              <h3>
                {nameOf(session)} {session.current && <Badge kind="this">This session</Badge>}
              </h3>
              <p>{where(session)}</p>
              <p>
                {session.lastActiveAt && (
                  <>
                    Active <Ago at={session.lastActiveAt} />
                  </>
                )}
                {appOf(session)}
              </p>
            </div>
            {!session.current && (
              <button
                type="button"
                class="danger-text"
                aria-label={`End session: ${nameOf(session)}`}
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

/** "Berlin, Germany (203.0.113.7)", as much of it as is known. */
function where({ lastLocation: { city, country }, lastIpAddress }: Session) {
  const place = [city, country].filter(Boolean).join(", ") || "Unknown place";
  return (
    <>
      {place}
      {lastIpAddress && <span class="address"> · {lastIpAddress}</span>}
    </>
  );
}

function appOf({ clientName, sessionType }: Session): string {
  if (sessionType === "sso") return " · browser sign-in shared by apps";
  return clientName === null ? "" : ` · ${clientName}`;
}
