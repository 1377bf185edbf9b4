import type { Device } from "@device-bff/client";
import { useEffect, useState } from "preact/hooks";
import { Badge, Icon, Name, nameOf, useWords, When, type Described } from "./parts.js";
import { useFocusOnMore } from "./useFocusOnMore.js";

/** How many rows are shown at first. */
const FIRST = 8;
export const INACTIVE_DAYS = 90;
const DAY = 86_400_000;

export interface Devices {
  items: Device[];
  /** This device, also where Cognito does not list it. Null: the sign-in has no device. */
  currentDeviceId: string | null;
}

export const currentOf = (devices: Devices): Device | undefined =>
  devices.items.find((it) => it.current);
export const othersOf = (devices: Devices): Device[] => devices.items.filter((it) => !it.current);

export const isExpired = ({ trustExpiresAt }: Device): boolean =>
  trustExpiresAt !== null && Date.parse(trustExpiresAt) <= Date.now();

export const isInactive = ({ lastAuthenticatedAt }: Device): boolean =>
  lastAuthenticatedAt !== null &&
  Date.parse(lastAuthenticatedAt) <= Date.now() - INACTIVE_DAYS * DAY;

interface Props {
  devices: Devices;
  /** Ids of devices that are new since this browser last looked. */
  fresh: readonly string[];
  /** The device that a link leads to. */
  target: string | null;
  /** What this device is, where Cognito does not list it. */
  known: Described | null;
  /** Whether the user is asked about this device already. */
  asked: boolean;
  busy: boolean;
  onRemember: (yes: boolean) => void;
  onForget: (device: Device) => void;
  onNotMine: (device: Device) => void;
}

/** This device first, then the others by name; those of one name are one row that opens. */
export function DeviceList(props: Props) {
  const words = useWords();
  const { devices, fresh, target } = props;
  const groups = grouped(othersOf(devices), (it) => nameOf(it, words), [...fresh, target ?? ""]);
  const [all, setAll] = useState(target !== null);
  const list = useFocusOnMore(all, FIRST + 1);
  const shown = all ? groups : groups.slice(0, FIRST);
  return (
    <>
      <ul class="rows" ref={list}>
        <ThisDevice {...props} />
        {shown.map((group) =>
          group.length === 1 ? (
            <Row key={group[0]!.id} device={group[0]!} {...props} />
          ) : (
            <Alike key={group[0]!.id} group={group} {...props} />
          ),
        )}
      </ul>
      {groups.length === 0 && <p class="empty">{words.say("noOthers")}</p>}
      {shown.length < groups.length && (
        <button type="button" class="plain more" onClick={() => setAll(true)}>
          {words.say("showAll", { count: devices.items.length })}
        </button>
      )}
    </>
  );
}

/** Those of one name together, in the order of their first; `apart`: ids that stay rows of their own. */
function grouped(items: Device[], name: (it: Device) => string, apart: string[]): Device[][] {
  const groups = new Map<string, Device[]>();
  for (const it of items) {
    const key = apart.includes(it.id) ? it.id : `name ${name(it)}`;
    groups.set(key, [...(groups.get(key) ?? []), it]);
  }
  return [...groups.values()];
}

/** Several devices of one name. */
function Alike({ group, ...props }: Props & { group: Device[] }) {
  const words = useWords();
  const [open, setOpen] = useState(false);
  const name = nameOf(group[0]!, words);
  return (
    <>
      <li class="row">
        <Icon of={group[0]!} />
        <div class="row-text">
          <h3>
            <Name>{name}</Name>
          </h3>
          <p>{words.say("alike", { count: group.length })}</p>
        </div>
        <button
          type="button"
          aria-expanded={open}
          aria-label={`${words.say(open ? "hide" : "show")}: ${name}`}
          onClick={() => setOpen(!open)}
        >
          {words.say(open ? "hide" : "show")}
        </button>
      </li>
      {open && group.map((device) => <Row key={device.id} device={device} inner {...props} />)}
    </>
  );
}

function Row({
  device,
  inner = false,
  fresh,
  target,
  onForget,
  onNotMine,
}: Props & { device: Device; inner?: boolean }) {
  const words = useWords();
  const name = nameOf(device, words);
  const isNew = fresh.includes(device.id);
  return (
    <li
      class={["row", inner && "inner", device.id === target && "target"].filter(Boolean).join(" ")}
      part="row"
      data-device={device.id}
      tabIndex={-1}
    >
      <Icon of={device} />
      <div class="row-text" id={`about-${device.id}`}>
        <h3>
          <Name>{name}</Name>
          {isNew && <Badge kind="new">{words.say("isNew")}</Badge>}
        </h3>
        <Seen device={device} />
        <Status device={device} />
      </div>
      <div class="row-actions">
        {isNew && (
          <button type="button" class="danger-text strong" onClick={() => onNotMine(device)}>
            {words.say("notMe")}
          </button>
        )}
        <button
          type="button"
          class="danger-text"
          aria-label={words.say("forgetNamed", { name })}
          aria-describedby={`about-${device.id}`}
          onClick={() => onForget(device)}
        >
          {words.say("forget")}
        </button>
      </div>
    </li>
  );
}

function ThisDevice({ devices, known, asked, busy, onRemember }: Props) {
  const words = useWords();
  const device = currentOf(devices);
  if (devices.currentDeviceId === null) return <li class="empty">{words.say("noDevice")}</li>;
  const described = device ?? known;
  const remembered = device?.status === "remembered";
  return (
    <li class="row current" part="row row-current" data-device={devices.currentDeviceId} tabIndex={-1}>
      <Icon of={described} />
      <div class="row-text">
        <h3>
          <Name>{described ? nameOf(described, words) : words.say("unnamed")}</Name>
          <Badge kind="this">{words.say("thisDevice")}</Badge>
        </h3>
        {device && <Seen device={device} />}
        {device ? (
          <Status device={device} />
        ) : (
          <p>
            <Badge kind="no">{words.say("notRemembered")}</Badge>
          </p>
        )}
      </div>
      {!asked && (
        <button
          type="button"
          aria-disabled={busy /* and not disabled, which would lose the focus */}
          onClick={() => busy || onRemember(!remembered)}
        >
          {words.say(remembered ? "stopRemembering" : "remember")}
        </button>
      )}
    </li>
  );
}

function Status({ device }: { device: Device }) {
  const words = useWords();
  const remembered = device.status === "remembered";
  const until = device.trustExpiresAt;
  return (
    <p class="status">
      {isExpired(device) ? (
        <Badge kind="no">{words.say("expired")}</Badge>
      ) : (
        <Badge kind={remembered ? "yes" : "no"}>
          {words.say(remembered ? "remembered" : "notRemembered")}
        </Badge>
      )}
      {until !== null && !isExpired(device) && (
        <span>{words.say("trustedUntil", { date: words.date(until) })}</span>
      )}
    </p>
  );
}

function Seen({ device }: { device: Device }) {
  const words = useWords();
  const at = device.lastAuthenticatedAt ?? device.createdAt;
  if (at === null) return <p>{words.say("notSeen")}</p>;
  const address = device.lastIpAddress;
  return (
    <p>
      <When text={address ? "lastSeenFrom" : "lastSeen"} at={at} address={address} />
    </p>
  );
}

/** Brings the row that a link leads to into view. */
export function useTarget(root: { current: HTMLElement | null }, id: string | null, ready: boolean) {
  useEffect(() => {
    if (!ready || id === null) return;
    const rows = root.current?.querySelectorAll<HTMLElement>("[data-device], [data-session]") ?? [];
    const row = [...rows].find((it) => (it.dataset.device ?? it.dataset.session) === id);
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }, [root, id, ready]);
}
