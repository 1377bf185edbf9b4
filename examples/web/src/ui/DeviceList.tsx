import { useEffect, useRef, useState } from "preact/hooks";
import type { Device, Devices } from "../api/client";
import { Ago, DeviceIcon, kindOf } from "./parts";

/** How many others are shown before somebody asks for all. */
const FIRST = 6;

/** Cognito keeps up to 1,024 characters. */
const LONGEST_NAME = 60;

/** What devices and sessions have in common. */
export type Described = Pick<Device, "displayName" | "deviceType" | "operatingSystem">;

const fullNameOf = ({ displayName, operatingSystem, deviceType }: Described): string =>
  displayName ?? operatingSystem ?? `Unnamed ${kindOf(deviceType).toLowerCase()}`;

export function nameOf(described: Described): string {
  const letters = [...fullNameOf(described)];
  if (letters.length <= LONGEST_NAME) return letters.join("");
  return `${letters.slice(0, LONGEST_NAME).join("").trimEnd()}…`;
}

/** The name as it is shown; all of it on hover, where it is cut. */
export function Name({ of }: { of: Described }) {
  const [shown, full] = [nameOf(of), fullNameOf(of)];
  return <span title={shown === full ? undefined : full}>{shown}</span>;
}

/** This device, if Cognito lists it. */
export const listed = ({ items }: Devices): Device | undefined => items.find((it) => it.current);

/** The last seen first. */
export function otherDevices({ items }: Devices): Device[] {
  const seen = (it: Device) => it.lastAuthenticatedAt ?? it.createdAt ?? "";
  return items.filter((it) => !it.current).sort((a, b) => seen(b).localeCompare(seen(a)));
}

interface Props {
  devices: Devices;
  /** Where Cognito does not list this device: what is known of it otherwise. */
  known: Described | null;
  busy: boolean;
  onRemember: (remember: boolean) => void;
  onForget: (device: Device) => void;
}

/** This device first, also where Cognito does not list it; the others below. */
export function DeviceList({ devices, known, busy, onRemember, onForget }: Props) {
  const [all, setAll] = useState(false);
  const list = useFocusOnMore(all, FIRST + 1);
  const others = otherDevices(devices);
  const shown = all ? others : others.slice(0, FIRST);
  return (
    <>
      <ul class="rows" ref={list}>
        <ThisDevice devices={devices} known={known} busy={busy} onRemember={onRemember} />
        {shown.map((device) => (
          <li class="row" key={device.id} data-device={device.id}>
            <DeviceIcon of={device} />
            <div class="row-text" id={`about-${device.id}`}>
              <h3>
                <Name of={device} />
              </h3>
              <p>
                <Seen device={device} />
              </p>
              <p>
                <Remembered remembered={device.status === "remembered"} />
              </p>
            </div>
            <button
              type="button"
              class="danger-text"
              aria-label={`Forget ${nameOf(device)}`}
              aria-describedby={`about-${device.id}`}
              onClick={() => onForget(device)}
            >
              Forget
            </button>
          </li>
        ))}
      </ul>
      {others.length === 0 && (
        <p class="empty">
          No other devices. When you sign in on another one and have it remembered, it appears here.
        </p>
      )}
      {shown.length < others.length && (
        <button type="button" class="plain more" onClick={() => setAll(true)}>
          Show all {devices.items.length}
        </button>
      )}
    </>
  );
}

/** The list; once `all` of it is shown, the focus goes to the first row that was not there before. */
export function useFocusOnMore(all: boolean, before: number) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    if (all) list.current?.children[before]?.querySelector("button")?.focus();
  }, [all, before]);
  return list;
}

function ThisDevice({ devices, known, busy, onRemember }: Omit<Props, "onForget">) {
  if (devices.currentDeviceId === null) {
    return (
      <li class="empty">
        This sign-in has no device, as after signing in through another provider. You find it under
        “Where you’re signed in”.
      </li>
    );
  }
  const device = listed(devices);
  const described = device ?? known;
  const remembered = device?.status === "remembered";
  return (
    <li class="row current" data-device={devices.currentDeviceId}>
      <DeviceIcon of={described} />
      <div class="row-text">
        <h3>
          {described ? <Name of={described} /> : "Unnamed device"}{" "}
          <Badge kind="this">This device</Badge>
        </h3>
        <p>{device ? <Seen device={device} /> : "Last seen just now"}</p>
        <p>
          <Remembered remembered={remembered} />
        </p>
      </div>
      <button
        type="button"
        aria-disabled={busy /* and not disabled, which would lose the focus */}
        onClick={() => busy || onRemember(!remembered)}
      >
        {remembered ? "Stop remembering" : "Remember"}
      </button>
    </li>
  );
}

export function Badge({ kind, children }: { kind: "this" | "yes" | "no"; children: string }) {
  return <span class={`badge ${kind}`}>{children}</span>;
}

function Remembered({ remembered }: { remembered: boolean }) {
  return remembered ? <Badge kind="yes">Remembered</Badge> : <Badge kind="no">Not remembered</Badge>;
}

function Seen({ device }: { device: Device }) {
  const at = device.lastAuthenticatedAt ?? device.createdAt;
  return (
    <>
      {at ? (
        <>
          Last seen <Ago at={at} />
        </>
      ) : (
        "Not seen yet"
      )}
      {device.lastIpAddress && (
        <>
          {" "}
          from <span class="address">{device.lastIpAddress}</span>
        </>
      )}
    </>
  );
}
