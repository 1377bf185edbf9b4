/** The elements, and their types for JSX in React 19: `import "@device-bff/elements/react"`. */
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type {
  DeviceListElement,
  Events,
  SessionListElement,
  YourDevicesElement,
} from "./your-devices.js";
import "./your-devices.js";

type Listeners = { [Type in keyof Events as `on${Type}`]?: (event: Events[Type]) => void };

type Props<Element extends YourDevicesElement | DeviceListElement | SessionListElement> =
  DetailedHTMLProps<HTMLAttributes<Element>, Element> &
    Partial<Pick<Element, "getAccessToken" | "client" | "messages">> &
    Listeners & {
      "base-url"?: string;
      "change-password-url"?: string;
    };

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "your-devices": Props<YourDevicesElement>;
      "device-list": Props<DeviceListElement>;
      "session-list": Props<SessionListElement>;
    }
  }
}
