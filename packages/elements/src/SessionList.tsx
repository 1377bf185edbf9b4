import type { Session } from "@device-bff/client";
import { useState } from "preact/hooks";
import type { Words } from "./i18n.js";
import { Badge, Facts, Icon, Name, nameOf, useWords, When, type Described } from "./parts.js";
import { useFocusOnMore } from "./useFocusOnMore.js";

const FIRST = 8;

interface Props {
  sessions: Session[];
  fresh: readonly string[];
  target: string | null;
  /** What the list of devices calls this browser, so that both lists call it the same. */
  here: Described | null;
  onEnd: (session: Session) => void;
  onNotMine: (session: Session) => void;
}

export function SessionList({ sessions, fresh, target, here, onEnd, onNotMine }: Props) {
  const words = useWords();
  const [all, setAll] = useState(target !== null);
  const list = useFocusOnMore(all, FIRST);
  if (sessions.length === 0) return <p class="empty">{words.say("noSessions")}</p>;
  const shown = all ? sessions : sessions.slice(0, FIRST);
  return (
    <>
      <ul class="rows" ref={list}>
        {shown.map((session) => {
          const described = session.current ? (here ?? session) : session;
          const name = nameOf(described, words);
          const isNew = fresh.includes(session.id) && !session.current;
          return (
            <li
              key={session.id}
              class={["row", session.current && "current", session.id === target && "target"]
                .filter(Boolean)
                .join(" ")}
              part="row"
              data-session={session.id}
              tabIndex={-1}
            >
              <Icon of={described} />
              <div class="row-text" id={`about-${session.id}`}>
                <h3>
                  <Name>{name}</Name>
                  {session.current && <Badge kind="this">{words.say("thisSession")}</Badge>}
                  {isNew && <Badge kind="new">{words.say("isNew")}</Badge>}
                </h3>
                <Facts>{[placeOf(session, words), session.lastIpAddress]}</Facts>
                <Facts>
                  {[
                    session.lastActiveAt && <When text="active" at={session.lastActiveAt} />,
                    session.createdAt &&
                      words.say("since", { date: words.date(session.createdAt) }),
                    appOf(session, words),
                  ]}
                </Facts>
              </div>
              {!session.current && (
                <div class="row-actions">
                  {isNew && (
                    <button type="button" class="danger-text strong" onClick={() => onNotMine(session)}>
                      {words.say("notMe")}
                    </button>
                  )}
                  <button
                    type="button"
                    class="danger-text"
                    aria-label={words.say("endNamed", { name })}
                    aria-describedby={`about-${session.id}`}
                    onClick={() => onEnd(session)}
                  >
                    {words.say("end")}
                  </button>
                </div>
              )}
            </li>
          );
        })}
      </ul>
      {shown.length < sessions.length && (
        <button type="button" class="plain more" onClick={() => setAll(true)}>
          {words.say("showAll", { count: sessions.length })}
        </button>
      )}
    </>
  );
}

/** "Berlin, Germany", as much of it as is known. */
export const placeOf = ({ lastLocation: { city, country } }: Session, words: Words): string =>
  [city, country].filter(Boolean).join(", ") || words.say("unknownPlace");

export const appOf = ({ clientName, sessionType }: Session, words: Words): string | null =>
  sessionType === "sso" ? words.say("signInPage") : clientName;
